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
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  // Not by spawn's own option: that lives on where a command cannot be started, and asks where this one tells.
  const late = setTimeout(() => {
    child.kill("SIGKILL");
    // Whoever the command started may hold these open.
    child.stdout.destroy();
    child.stderr.destroy();
  }, options.timeoutMs ?? 30_000);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.on("error", (cause) => {
    clearTimeout(late);
    reject(new SluiceError("HOST_UNABLE", `cannot run ${command}: ${cause.message}`, { missing: command }, { cause }));
  });
  child.on("close", (exitCode) => {
    clearTimeout(late);
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

/** A command that runs until it ends or is stopped. */
export interface RunningCommand {
  readonly pid: number | undefined;
  readonly ended: boolean;
  /** What it has written so far, the last 64 KiB of each. */
  stdout(): string;
  stderr(): string;
  /**
   * Asks it to end and waits until it has; after `timeoutMs` it is killed. Safe to call twice.
   *
   * @returns its exit code; null where a signal ended it.
   */
  stop(signal?: NodeJS.Signals, timeoutMs?: number): Promise<number | null>;
}

const KEPT_OUTPUT = 65_536;

/** Starts a command and does not wait for it. One that cannot be started has ended, and says so on its `stderr`. */
export function startCommand(argv: readonly [string, ...string[]]): RunningCommand {
  const [command, ...args] = argv;
  const output = { stdout: "", stderr: "" };
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const keep = (stream: keyof typeof output) => (chunk: Buffer) => {
    output[stream] = (output[stream] + chunk.toString()).slice(-KEPT_OUTPUT);
  };
  child.stdout.on("data", keep("stdout"));
  child.stderr.on("data", keep("stderr"));
  const { promise: end, resolve } = deferred<number | null>();
  let ended = false;
  const over = (exitCode: number | null): void => {
    ended = true;
    resolve(exitCode);
  };
  child.on("error", ({ message }) => {
    output.stderr += message;
    over(null);
  });
  child.on("close", over);
  return {
    pid: child.pid,
    get ended() {
      return ended;
    },
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    async stop(signal = "SIGTERM", timeoutMs = 10_000) {
      child.kill(signal);
      const late = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
      const exitCode = await end;
      clearTimeout(late);
      return exitCode;
    },
  };
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
