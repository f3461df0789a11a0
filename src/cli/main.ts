#!/usr/bin/env node
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { configInvalid } from "../core/errors.ts";
import { ownPackage } from "../host/own-package.ts";
import { addBenchCommand } from "./bench-command.ts";
import { addCleanupCommand } from "./cleanup-command.ts";
import { addConformanceCommand } from "./conformance-command.ts";
import { shieldDash } from "./dash.ts";
import { ExitCode, exitCodeOf, messageOf } from "./exit-code.ts";
import { flagOf } from "./flag.ts";
import { onlyOnce } from "./once.ts";
import { addRenderCommand } from "./render-command.ts";
import { addRunCommand } from "./run-command.ts";
import { watchStdout } from "./stdout.ts";
import { addTraceCommand } from "./trace-command.ts";

/** Where yargs names options without their dashes. */
const BARE_NAMES = /^(Not enough arguments following|Missing required arguments?): (.+)$/;
const commands = [
  addBenchCommand,
  addRunCommand,
  addRenderCommand,
  addTraceCommand,
  addConformanceCommand,
  addCleanupCommand,
];
const parser = yargs(hideBin(process.argv).map(shieldDash))
  .scriptName("sluice")
  // yargs would look for a package above the folder that it is called in.
  .version(ownPackage().version)
  .parserConfiguration({ "boolean-negation": false })
  .locale("en")
  .usage("$0 COMMAND [options]\n\nThe kube-proxy dataplane on your desk.")
  .demandCommand(1, "which command?")
  .strict()
  .check(onlyOnce)
  .recommendCommands()
  .exitProcess(false)
  .wrap(Math.min(120, process.stdout.columns ?? 100))
  .epilogue("Exit codes: 0 done, 1 the answer is no, 2 bad usage or input, 3 this host cannot, 4 failed while running.")
  .fail((message: string | null, error: Error | undefined) => {
    const text = message ?? error?.message ?? "bad usage";
    throw error === undefined || BARE_NAMES.test(text) ? badUsage(text) : error;
  });
for (const add of commands) add(parser);

function badUsage(message: string): Error {
  const error = configInvalid("command line", "a known command and known options", message);
  const flagged = message.replace(BARE_NAMES, (_, what: string, names: string) => {
    return `${what}: ${names.split(", ").map(flagOf).join(", ")}`;
  });
  error.message = `${flagged.split("\n").join("; ")} (see sluice --help)`;
  return error;
}

watchStdout(ExitCode.failed);
try {
  await parser.parseAsync();
} catch (error) {
  process.stderr.write(`sluice: ${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
