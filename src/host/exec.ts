import { spawn } from "node:child_process";
import { SluiceError } from "../core/errors.ts";

/** What a command did. It is never run by a shell: every word of `argv` reaches it as it is. */
export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Written to its standard input, which is then closed. */
  readonly input?: string;
  /** It is killed when it takes longer. @default 30_000 */
  readonly timeoutMs?: number;
}

/**
 * Runs a command of the host and waits for it. The only place in this project that starts a process.
 *
 * @throws {SluiceError} HOST_UNABLE when there is no such command.
 */
export function exec(argv: readonly [string, ...string[]], options: CommandOptions = {}): Promise<CommandResult> {
  const [command, ...args] = argv;
  const { promise, resolve, reject } = deferred<CommandResult>();
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], timeout: options.timeoutMs ?? 30_000 });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.on("error", (cause) => {
    reject(new SluiceError("HOST_UNABLE", `cannot run ${command}: ${cause.message}`, { missing: command }, { cause }));
  });
  child.on("close", (exitCode) => {
    resolve({ exitCode, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
  });
  // A command that ends without reading its input is told by its exit code, not by EPIPE.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  return promise;
}

/**
 * Runs a command that has to succeed.
 *
 * @returns its standard output.
 * @throws {SluiceError} COMMAND_FAILED with its standard error; HOST_UNABLE when there is no such command.
 */
export async function execOk(argv: readonly [string, ...string[]], options: CommandOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await exec(argv, options);
  if (exitCode === 0) return stdout;
  throw new SluiceError("COMMAND_FAILED", `${argv.join(" ")}: ${stderr.trim() || `exit code ${exitCode}`}`, {
    argv,
    exitCode,
    stderr,
  });
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}
