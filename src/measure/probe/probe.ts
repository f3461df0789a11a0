import { threadFile } from "../../host/thread-file.ts";
import type { LoadErrors, LoadTarget } from "../load/task.ts";
import { startThread } from "../thread.ts";
import type { ProbeReply, ProbeRequest } from "./probe-thread.ts";

/** How a client connects: anew for each request, or on connections that it keeps. */
export const connecting = ["fresh", "kept"] as const;
export type Connecting = (typeof connecting)[number];

/** A request, and what became of it. Times are those of `systemClock`, in milliseconds. */
export interface Asked {
  /** When it was to be sent. */
  readonly dueMs: number;
  /** When its answer came, or it was given up. */
  readonly endedMs: number;
  readonly outcome: "answered" | keyof LoadErrors;
  /** The number of the endpoint that answered; undefined: none did. */
  readonly endpoint: number | undefined;
  /** The address that it came from, where the task said one. */
  readonly source: string | undefined;
}

/** What to ask, request by request. Plain data: it goes to the prober's thread. */
export interface ProbeTask {
  /** At least one; every new connection goes to the next. */
  readonly targets: readonly LoadTarget[];
  /** An answer that takes longer is an error, in milliseconds. */
  readonly timeoutMs: number;
  readonly loop: OpenProbe | ClosedProbe;
}

/** Requests at a fixed rate until it is stopped: as many a second fresh as kept. */
interface OpenProbe {
  readonly kind: "open";
  readonly ratePerSecond: number;
  /** Kept connections. */
  readonly lanes: number;
}

/** One request after the other in each lane, until so many have been asked, or it is stopped. */
interface ClosedProbe {
  readonly kind: "closed";
  readonly connecting: Connecting;
  readonly lanes: number;
  readonly requests: number;
  /** Addresses of this host, in text, that fresh connections come from, in turn; empty: the system chooses. */
  readonly sources: readonly string[];
}

export type ProbeSample = Readonly<Record<Connecting, readonly Asked[]>>;

/** A client in a thread of its own that keeps account of every single request. */
export interface Prober {
  /** One at a time. @returns everything that was asked, in the order in which it ended. */
  run(task: ProbeTask): Promise<ProbeSample>;
  /** From now on new connections go here. */
  aim(targets: readonly LoadTarget[]): void;
  /** Asks for nothing more; what is on its way is waited for. */
  stop(): void;
  close(): Promise<void>;
}

export function startProber(): Prober {
  const thread = startThread<ProbeRequest, ProbeReply>(threadFile(import.meta.url, "probe-thread"));
  return {
    async run(task) {
      const reply = thread.next();
      thread.tell({ kind: "run", task });
      return (await reply).sample;
    },
    aim: (targets) => thread.tell({ kind: "aim", targets }),
    stop: () => thread.tell({ kind: "stop" }),
    close() {
      thread.tell({ kind: "close" });
      return thread.ended;
    },
  };
}
