/**
 * A program: stays in the network namespace that it is started in, and does there what its channel tells it. What a
 * process of `sluice` would do it does itself: that is most of what a short run costs.
 */
import yargs from "yargs";
import { type CommandResult, exec } from "../host/exec.ts";
import type { StageReply, StageRequest } from "../lab/rules/stage-messages.ts";
import { addCleanupCommand } from "./cleanup-command.ts";
import { ExitCode, exitCodeOf, messageOf } from "./exit-code.ts";
import { addRunCommand } from "./run-command.ts";

/** As long as a program of its own would be given. */
const COMMAND_MS = 180_000;

function reply(message: StageReply): void {
  process.send!(message);
}

/** One at a time: what it says on standard error is the process'. */
async function sluice(id: number, argv: readonly string[]): Promise<CommandResult> {
  const said: string[] = [];
  const { write } = process.stderr;
  process.stderr.write = (text: string | Uint8Array): boolean => {
    said.push(String(text));
    reply({ id, stderr: String(text) });
    return true;
  };
  let exitCode: number = ExitCode.done;
  try {
    const parser = yargs().strict().exitProcess(false).fail(false);
    addRunCommand(parser);
    addCleanupCommand(parser);
    await parser.parseAsync([...argv]);
  } catch (error) {
    said.push(`sluice: ${messageOf(error)}\n`);
    exitCode = exitCodeOf(error);
  } finally {
    process.stderr.write = write;
  }
  return { exitCode, stdout: "", stderr: said.join("") };
}

async function serve(request: StageRequest): Promise<void> {
  if (request.what === "end") return process.disconnect();
  if (request.what === "stop") return void process.kill(process.pid, "SIGTERM");
  const { id, argv, input } = request;
  const [command = "", ...words] = argv;
  const done =
    request.what === "sluice" ? sluice(id, argv) : exec([command, ...words], { input, timeoutMs: COMMAND_MS });
  reply({ id, result: await done.catch(failed) });
}

/** A command that is not there. */
function failed(error: Error): CommandResult {
  return { exitCode: null, stdout: "", stderr: error.message };
}

// One that comes when nothing runs any more ends nothing.
process.on("SIGTERM", () => {});
process.on("message", (request: StageRequest) => void serve(request));
process.on("disconnect", () => process.exit());
