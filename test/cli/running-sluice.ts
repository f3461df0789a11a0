/** `sluice run` as its users meet it: what it prints, line by line, and how it ends. */
import { once } from "node:events";
import type { ChildProcess } from "node:child_process";
import { connect } from "node:net";
import { startSluice } from "./cli.ts";

/** A line of `run -o json` at the start and after each change. */
export interface Listening {
  readonly event: "listening";
  readonly listeners: readonly {
    readonly servicePort: string;
    readonly kind: string;
    readonly protocol: string;
    readonly address: string;
    readonly listensAt: string | null;
    readonly reason?: string;
  }[];
  readonly notEmulated: readonly object[];
}

/** The last line of `run -o json`. */
export interface Stopped {
  readonly event: "stopped";
  readonly counters: Readonly<Record<string, number>>;
}

export interface RunningSluice {
  readonly child: ChildProcess;
  /** The next line on standard output. */
  next<T = Listening>(): Promise<T>;
  /** The first line on standard error that matches, of those that were not asked for yet; those before it are passed over. */
  said(pattern: RegExp): Promise<string>;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
  /** Waits for the end. */
  ended(): Promise<Ended>;
}

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** All of it, from the start. */
  readonly stderr: string;
}

const running = new Set<ChildProcess>();

/** Ends what a test has left. */
export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** @param through as of `startSluice`. */
export function runSluice(args: readonly string[], through: readonly string[] = []): RunningSluice {
  return follow(startSluice(["run", "-o", "json", "--workers", "2", ...args], through));
}

/** With the dataplane `kernel`, which prints nothing. @param through as of `startSluice`. */
export function programKernel(args: readonly string[], through: readonly string[]): RunningSluice {
  return follow(startSluice(["run", "--dataplane", "kernel", ...args], through));
}

function follow(child: ChildProcess): RunningSluice {
  running.add(child);
  const closed = once(child, "close").then(([exitCode, signal]) => {
    running.delete(child);
    return { exitCode, signal } as Pick<Ended, "exitCode" | "signal">;
  });
  const stdout = lineQueue(child.stdout!);
  const stderr = lineQueue(child.stderr!);
  const ended = async (): Promise<Ended> => ({ ...(await closed), stderr: stderr.all.join("\n") });
  return {
    child,
    next: async <T>() => JSON.parse(await stdout.next()) as T,
    async said(pattern) {
      for (;;) {
        const line = await stderr.next();
        if (pattern.test(line)) return line;
      }
    },
    ended,
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return ended();
    },
  };
}

/** The lines of a stream, as they come. Asking for one that never comes is an error, with all that came. */
function lineQueue(stream: NodeJS.ReadableStream) {
  const all: string[] = [];
  let rest = "";
  let taken = 0;
  let over = false;
  let wake = (): void => {};
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    all.push(...lines);
    wake();
  });
  stream.on("close", () => {
    over = true;
    wake();
  });
  const next = async (): Promise<string> => {
    while (taken === all.length) {
      if (over) throw new Error(`no such line:\n${all.join("\n")}`);
      await new Promise<void>((resolve) => (wake = resolve));
    }
    taken += 1;
    return all[taken - 1]!;
  };
  return { all, next };
}

/** Where a service port listens, as `host:port`. */
export function listensAt({ listeners }: Listening, servicePort: string, kind = "cluster-ip"): string {
  return listeners.find((one) => one.servicePort === servicePort && one.kind === kind)!.listensAt!;
}

/** One connection. @returns what was answered until it closed, or the code of the error. */
export function ask(at: string, say = ""): Promise<string> {
  const [, host, port] = /^\[?([^\]]*?)\]?:(\d+)$/.exec(at)!;
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ port: Number(port), host: host!, allowHalfOpen: true })
      .on("data", (chunk) => (answer += String(chunk)))
      .on("error", (error: NodeJS.ErrnoException) => resolve(error.code!))
      .on("end", () => socket.end())
      .on("close", () => resolve(answer));
    socket.end(say);
  });
}
