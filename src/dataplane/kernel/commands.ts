import { SluiceError } from "../../core/errors.ts";
import { type CommandResult, exec } from "../../host/exec.ts";
import { inNetns } from "../../host/netns.ts";
import type { Family } from "../../net/ip.ts";

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

/** Of input, in characters: it may take as long again for each. */
const MEBI = 2 ** 20;

/**
 * @param patienceMs for a command without much input, in milliseconds; for each MiB of input it has as long again.
 * @param onInput is told how many bytes each command is sent.
 */
export function createCommands(
  netns: string | undefined,
  patienceMs: number,
  onInput: (bytes: number) => void = () => {},
): Commands {
  const run = async (argv: readonly [string, ...string[]], input = ""): Promise<CommandResult> => {
    const timeoutMs = Math.round(patienceMs * (1 + input.length / MEBI));
    onInput(Buffer.byteLength(input));
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

/**
 * @param what went wrong, in words.
 * @param families those that are concerned; undefined: all.
 */
export function kernelFailed(
  what: string,
  cause?: unknown,
  families?: readonly Family[],
): SluiceError<"DATAPLANE_FAILED"> {
  const details = { dataplane: "kernel", what, ...(families === undefined ? {} : { families }) };
  return new SluiceError("DATAPLANE_FAILED", `kernel: ${what}`, details, cause === undefined ? {} : { cause });
}
