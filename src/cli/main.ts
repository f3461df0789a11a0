#!/usr/bin/env node
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { configInvalid } from "../core/errors.ts";
import { addBenchCommand } from "./bench-command.ts";
import { addConformanceCommand } from "./conformance-command.ts";
import { shieldDash } from "./dash.ts";
import { ExitCode, exitCodeOf, messageOf } from "./exit-code.ts";
import { onlyOnce } from "./once.ts";
import { addRenderCommand } from "./render-command.ts";
import { addRunCommand } from "./run-command.ts";
import { watchStdout } from "./stdout.ts";
import { addTraceCommand } from "./trace-command.ts";

const commands = [addBenchCommand, addRunCommand, addRenderCommand, addTraceCommand, addConformanceCommand];
const parser = yargs(hideBin(process.argv).map(shieldDash))
  .scriptName("sluice")
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
    throw error ?? badUsage(message ?? "bad usage");
  });
for (const add of commands) add(parser);

function badUsage(message: string): Error {
  const error = configInvalid("command line", "a known command and known options", message);
  error.message = `${message.split("\n").join("; ")} (see sluice --help)`;
  return error;
}

watchStdout(ExitCode.failed);
try {
  await parser.parseAsync();
} catch (error) {
  process.stderr.write(`sluice: ${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
