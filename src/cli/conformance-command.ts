import type { Argv } from "yargs";
import { kernels } from "../balancers/kernel.ts";
import { unshieldDash } from "./dash.ts";
import { wholeNumber } from "./number-option.ts";
import { outputOption } from "./output-option.ts";

/** `sluice conformance`: does our IPVS what a kernel's did, and do our rules what kube-proxy's did. */
export function addConformanceCommand(argv: Argv): void {
  argv.command(
    "conformance <paths..>",
    "replay what a real IPVS or kube-proxy did, and report the differences",
    (options) =>
      options
        .positional("paths", {
          describe: "vector files of IPVS and folders of them (*.json), or folders of recorded rules (scenario.json)",
          type: "string",
          array: true,
          demandOption: true,
          coerce: (paths: string[]) => paths.map(unshieldDash),
        })
        .option("kernel", {
          describe: "whose rules; vectors that have a variant of this kernel are compared with that",
          choices: kernels,
          requiresArg: true,
          defaultDescription: "6.1.192, the reference",
        })
        .option("mode", {
          describe: "recorded rules: only these modes",
          choices: ["iptables", "nftables", "userspace"] as const,
          array: true,
          nargs: 1,
          requiresArg: true,
        })
        .option("seed", {
          ...wholeNumber("seed", "of our picks where they are random", { min: 0, max: 2 ** 32 - 1 }),
          defaultDescription: "1",
        })
        .option("o", outputOption())
        .epilogue(
          `Picks of the scheduler twos are random: recorded ones agree if each was possible and all together they are as likely as such picks are; the picks that are printed are those of a seeded run of our own.

Recorded rules are played on this kernel, in network namespaces made for it (root): each stage by a fresh "run --once", and all stages by one "run --watch", which is also asked what kube-proxy was asked by HTTP. Of many, a sample is played by processes of their own, and the others by the same commands inside a process that stays in its namespace, which is emptied in between. The dumps of the kernel's tools are compared with the recorded ones. Of the mode userspace the rules of its portals are compared, of a "run --watch" that forwards behind them.

Exit codes: 0 all agree, 1 some differ, 2 a file is no vector or no recording, 3 this host cannot play recorded rules.`,
        )
        .example("$0 conformance vectors/", "every *.json in the folder")
        .example("$0 conformance --kernel 6.1.176 -o json rr.json lc.json", "our picks and counts, by older rules"),
    async (args) => {
      const { conformance } = await import("./conformance.ts");
      process.exitCode = await conformance(args);
    },
  );
}
