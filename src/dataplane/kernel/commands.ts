import { SluiceError } from "../../core/errors.ts";
import { type CommandResult, exec } from "../../host/exec.ts";
import { inNetns } from "../../host/netns.ts";

/** The host's commands, all run in one network namespace. */
export interface Commands {
  /** Undefined: the one that we are in. */
  readonly netns: string | undefined;
  /**
   * @throws {SluiceError} DATAPLANE_FAILED when it did not end in time, and so was killed; HOST_UNABLE when there is no
   *   such command.
   */
  run(argv: readonly [string, ...string[]], input?: string): Promise<CommandResult>;
  /**
   * Runs a command that has to succeed. @returns its standard output.
   *
   * @throws {SluiceError} DATAPLANE_FAILED with its standard error; HOST_UNABLE when there is no such command.
   */
  ok(argv: readonly [string, ...string[]], input?: string): Promise<string>;
}

/** @param timeoutMs for each command. */
export function createCommands(netns: string | undefined, timeoutMs: number): Commands {
  const run = async (argv: readonly [string, ...string[]], input = ""): Promise<CommandResult> => {
    const result = await exec(inNetns(netns, argv), { input, timeoutMs });
    if (result.exitCode === null) throw kernelFailed(`${argv.join(" ")} was killed: not done after ${timeoutMs} ms`);
    return result;
  };
  return {
    netns,
    run,
    async ok(argv, input) {
      const { exitCode, stdout, stderr } = await run(argv, input);
      if (exitCode === 0) return stdout;
      throw kernelFailed(`${argv.join(" ")}: ${stderr.trim() || `exit code ${exitCode}`}`);
    },
  };
}

/** @param what went wrong, in words. */
export function kernelFailed(what: string, cause?: unknown): SluiceError<"DATAPLANE_FAILED"> {
  const details = { dataplane: "kernel", what };
  return new SluiceError("DATAPLANE_FAILED", `kernel: ${what}`, details, cause === undefined ? {} : { cause });
}
