import type { Argv } from "yargs";
import { kernels } from "../balancers/kernel.ts";
import { unshieldDash } from "./dash.ts";
import { wholeNumber } from "./number-option.ts";

/** `sluice conformance`: does our IPVS what a kernel's did. */
export function addConformanceCommand(argv: Argv): void {
  argv.command(
    "conformance <paths..>",
    "replay recorded vectors of IPVS, and report the differences",
    (options) =>
      options
        .positional("paths", {
          describe: "vector files, and folders of them (*.json, in order of name)",
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
        .option("seed", {
          ...wholeNumber("seed", "of our picks where they are random", { min: 0, max: 2 ** 32 - 1 }),
          defaultDescription: "1",
        })
        .option("o", {
          alias: "output",
          describe: "form",
          choices: ["table", "json"] as const,
          default: "table" as const,
        })
        .epilogue(
          `Picks of the scheduler twos are random: recorded ones agree if each was possible and all together they are as likely as such picks are; the picks that are printed are those of a seeded run of our own.

Exit codes: 0 all agree, 1 some differ, 2 a file is no vector.`,
        )
        .example("$0 conformance vectors/", "every *.json in the folder")
        .example("$0 conformance --kernel 6.1.176 -o json rr.json lc.json", "our picks and counts, by older rules"),
    async (args) => {
      const { conformance } = await import("./conformance.ts");
      process.exitCode = await conformance(args);
    },
  );
}
