import type { Argv } from "yargs";
import { wholeNumber } from "./number-option.ts";
import { outputOption } from "./output-option.ts";

/** `sluice bench compare` and `sluice bench report`: what is done with results that are there. */
export function addBenchSubcommands(argv: Argv): Argv {
  return argv
    .command(
      "compare <before> <after>",
      "say what differs between two results beyond noise",
      (options) =>
        options
          .positional("before", { describe: "a result as JSON", type: "string", demandOption: true })
          .positional("after", { describe: "another one", type: "string", demandOption: true })
          .option("threshold-percent", {
            ...wholeNumber("threshold-percent", "how much worse is a regression, with exit code 1", {
              min: 0,
              max: 1000,
            }),
            defaultDescription: "5",
          })
          .option("o", outputOption()),
      async (args) => {
        const { compare } = await import("./bench-compare.ts");
        process.exitCode = await compare(args);
      },
    )
    .command(
      "report <results..>",
      "show results again, as text or as files",
      (options) =>
        options
          .positional("results", { describe: "results as JSON", type: "string", array: true, demandOption: true })
          .option("html", { describe: "one HTML file that needs no network", type: "string", requiresArg: true })
          .option("hgrm", {
            describe: "a folder for latency distributions, as HdrHistogram's tools read them",
            type: "string",
            requiresArg: true,
          }),
      async (args) => {
        const { report } = await import("./bench-report.ts");
        process.exitCode = await report(args);
      },
    );
}
