import { spawn, spawnSync } from "node:child_process";
import type { Readable, Writable } from "node:stream";
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

/** Runs a command while this process exits, when nothing can be waited for any more; what comes of it is not told. */
export function execNow([command, ...args]: readonly [string, ...string[]]): void {
  spawnSync(command, args, { stdio: "ignore", timeout: 10_000 });
}

/** What a command that soon ends has to say; all else waits for it. @returns undefined where it fails or is not there. */
export function askNow([command, ...args]: readonly [string, ...string[]]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8", timeout: 10_000, maxBuffer: 2 ** 28 });
  return status === 0 ? stdout : undefined;
}

/** A command that runs until it ends or is stopped. */
export interface RunningCommand {
  readonly pid: number | undefined;
  readonly ended: boolean;
  /** What it has written so far, the last 64 KiB of each. */
  stdout(): string;
  stderr(): string;
  /** Resolves when it has ended, however it did. */
  readonly gone: Promise<unknown>;
  /** Writes to its standard input, where `onStdout` was given. */
  say(text: string): void;
  /**
   * Asks it to end and waits until it has; after `timeoutMs` it is killed. Safe to call twice.
   *
   * @returns its exit code; null where a signal ended it.
   */
  stop(signal?: NodeJS.Signals, timeoutMs?: number): Promise<number | null>;
}

const KEPT_OUTPUT = 65_536;

interface StartOptions {
  /**
   * A process group of its own: Ctrl-C on our terminal does not reach it, and when our process exits, all of the group is
   * killed. Not when our process dies of a signal: whoever asks for it catches signals.
   *
   * @default false
   */
  readonly ownGroup?: boolean;
  /** Takes what it writes to its standard output, as it comes; then `stdout` keeps nothing, and `say` is heard. */
  readonly onStdout?: (text: string) => void;
}

/** Starts a command and does not wait for it. One that cannot be started has ended, and says so on its `stderr`. */
export function startCommand(
  argv: readonly [string, ...string[]],
  { ownGroup = false, onStdout }: StartOptions = {},
): RunningCommand {
  const [command, ...args] = argv;
  const output = { stdout: "", stderr: "" };
  const stdio = [onStdout === undefined ? "ignore" : "pipe", "pipe", "pipe"] as const;
  const child = spawn(command, args, { stdio: [...stdio], detached: ownGroup });
  const { stdin, stdout, stderr } = child as { stdin: Writable | null; stdout: Readable; stderr: Readable };
  // One that has ended is told by that, not by EPIPE.
  stdin?.on("error", () => {});
  const orphaned = (): void => killGroup(child.pid);
  if (ownGroup) process.on("exit", orphaned);
  const keep = (stream: keyof typeof output) => (chunk: Buffer) => {
    output[stream] = (output[stream] + chunk.toString()).slice(-KEPT_OUTPUT);
  };
  if (onStdout === undefined) stdout.on("data", keep("stdout"));
  else stdout.setEncoding("utf8").on("data", onStdout);
  stderr.on("data", keep("stderr"));
  const { promise: end, resolve } = deferred<number | null>();
  let ended = false;
  const over = (exitCode: number | null): void => {
    process.off("exit", orphaned);
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
    gone: end,
    say: (text) => void stdin?.write(text),
    async stop(signal = "SIGTERM", timeoutMs = 10_000) {
      child.kill(signal);
      const late = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
      const exitCode = await end;
      clearTimeout(late);
      return exitCode;
    },
  };
}

/** Of a command that has ended there may be nothing left. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** A Node program of ours in a process of its own; both sides say messages, plain data. */
export interface RunningProgram<Said, Heard> {
  say(message: Said): void;
  /** Resolves with what it wrote to standard error, when it has ended. */
  readonly ended: Promise<string>;
  /** The one who hears. */
  onMessage(hear: (message: Heard) => void): void;
  /** Closes its channel, at which it is to end; one that does not is killed. Safe to call twice. */
  close(): Promise<void>;
}

/** A program whose channel is closed ends by itself within this time, in milliseconds. */
const PROGRAM_END_MS = 5000;

/**
 * Starts a Node program with a channel. It is out of reach of the signals of our terminal: whoever started it ends it.
 *
 * @param argv Node and the program's file; before them, if anything, a command that becomes the one behind it.
 */
export function startProgram<Said, Heard>(argv: readonly [string, ...string[]]): RunningProgram<Said, Heard> {
  const [command, ...args] = argv;
  const child = spawn(command, args, {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    detached: true,
    serialization: "advanced",
  });
  const { promise: ended, resolve } = deferred<string>();
  let stderr = "";
  child.stderr!.on("data", (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-KEPT_OUTPUT)));
  child.on("error", ({ message }) => resolve(message));
  // Not at `close`: Node 20 has none for a child whose channel was closed on this side.
  let left = 2;
  const over = (): void => {
    left -= 1;
    if (left === 0) resolve(stderr);
  };
  child.on("exit", over);
  child.stderr!.on("close", over);
  return {
    say: (message) => void (child.connected && child.send(message as object, () => {})),
    ended,
    onMessage: (hear) => void child.on("message", (message) => hear(message as Heard)),
    async close() {
      if (child.connected) child.disconnect();
      const late = setTimeout(() => child.kill("SIGKILL"), PROGRAM_END_MS);
      await ended;
      clearTimeout(late);
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
