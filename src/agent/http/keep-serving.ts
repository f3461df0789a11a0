import type { Timers } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import { formatSocketAddr } from "../../net/flow.ts";
import type { Answer, Question } from "./answer.ts";
import { type HttpServer, type ListenAt, openServer } from "./server.ts";

export interface KeepServingOptions {
  /** What is served, in a word or two for messages: `healthz`. */
  readonly name: string;
  readonly at: ListenAt;
  readonly answer: (question: Question) => Answer | Promise<Answer>;
  /** Not to try again when it cannot be served. */
  readonly hardFail: boolean;
  /** It cannot be served, and is tried again after a while. */
  readonly onFailure: (error: SluiceError<"HOST_UNABLE">) => void;
  readonly timers: Timers;
}

/** A server that is there, or that will be as soon as may be. */
export interface KeptServer {
  /** The port that it has; undefined while it waits for it. */
  port(): number | undefined;
  /** Ends it, and the waiting. Safe to call twice. */
  close(): Promise<void>;
}

/** As kube-proxy. */
const RETRY_MS = 5000;

/**
 * Serves at an address; where that cannot be had, tries again every five seconds.
 *
 * @returns when it serves or has failed to for the first time.
 * @throws {SluiceError} HOST_UNABLE with `hardFail`, when the address cannot be had.
 */
export async function keepServing(options: KeepServingOptions): Promise<KeptServer> {
  const { name, at, answer, hardFail, onFailure, timers } = options;
  let server: HttpServer | undefined;
  let closed = false;
  let takeBackTimer = (): void => {};
  let opening: Promise<void>;

  const open = async (): Promise<void> => {
    try {
      server = await openServer(at, answer);
    } catch (cause) {
      const where = formatSocketAddr(at);
      const { message } = cause as Error;
      const error = new SluiceError(
        "HOST_UNABLE",
        `cannot serve ${name} at ${where}: ${message}`,
        { missing: where },
        { cause },
      );
      if (hardFail) throw error;
      if (closed) return;
      takeBackTimer = timers.after(RETRY_MS, () => (opening = open()));
      onFailure(error);
    }
  };
  await (opening = open());
  return {
    port: () => server?.port,
    async close() {
      closed = true;
      takeBackTimer();
      await opening;
      const ended = server;
      server = undefined;
      await ended?.close();
    },
  };
}
