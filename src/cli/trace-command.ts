import type { Argv } from "yargs";
import { clusterOptions } from "./cluster-options.ts";
import { modeOptions } from "./mode-options.ts";
import { wholeNumber } from "./number-option.ts";

/** `sluice trace`: where does this packet go, and by which rules. */
export function addTraceCommand(argv: Argv): void {
  argv.command(
    "trace",
    "where does this packet go, and by which rules",
    (options) =>
      modeOptions(clusterOptions(options))
        .option("from", {
          describe: "the client: IP[:PORT]",
          type: "string",
          demandOption: true,
          requiresArg: true,
        })
        .option("to", {
          describe: "where the packet is sent: IP:PORT[/tcp|udp|sctp]",
          type: "string",
          demandOption: true,
          requiresArg: true,
        })
        .option("seed", wholeNumber("seed", "of the random picks", { min: 0, max: 2 ** 32 - 1 }))
        .option("all", { describe: "show every rule that was looked at", type: "boolean", default: false })
        .option("o", {
          alias: "output",
          describe: "form",
          choices: ["table", "json"] as const,
          default: "table" as const,
        })
        .example("$0 trace --from 10.244.1.9 --to 10.96.0.10:53/udp", "a DNS query of a pod"),
    async (args) => {
      const { trace } = await import("./trace.ts");
      process.stdout.write(await trace(args));
    },
  );
}
