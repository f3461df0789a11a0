import type { Argv } from "yargs";
import { trueOrFalse } from "./boolean-option.ts";
import { oneOf } from "./choice-option.ts";
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
          describe: "the client: IP[:PORT]; an IPv6 address in brackets before a port",
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
        .option("all", trueOrFalse("all", "show every rule that was looked at"))
        .option("o", { alias: "output", ...oneOf("o", "form", ["table", "json"]), default: "table" as const })
        .example("$0 trace --from 10.244.1.9 --to 10.96.0.10:53/udp", "a DNS query of a pod"),
    async (args) => {
      const { trace } = await import("./trace.ts");
      process.stdout.write(await trace(args));
    },
  );
}
