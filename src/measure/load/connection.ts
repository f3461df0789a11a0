import { connect } from "node:net";
import type { LaneRun } from "./lane.ts";
import type { LoadErrors } from "./task.ts";

/** A TCP connection of a lane. Of whatever goes wrong with it, the first is counted. */
export interface Connection {
  /** Since when it has waited for the other side to connect, answer or close; undefined when it waits for nothing. */
  readonly waitingSinceMs: number | undefined;
  /** Sends a request, and waits for the answer from now on. */
  send(request: Buffer): void;
  /** A part of the answer came: waits for the next from now on. */
  stillWaiting(): void;
  /** Waits for nothing until the next request. */
  rest(): void;
  /** Closes our half and waits for the other one. */
  end(): void;
  fail(error: keyof LoadErrors): void;
  /** Closes without a count and without a word. */
  drop(): void;
}

interface ConnectionEvents {
  connected(): void;
  data(chunk: Buffer): void;
  /** Said once, unless it was dropped. @param clean we ended it, then the other side did, and nothing went wrong. */
  closed(clean: boolean): void;
}

/** Connects to the run's next target. */
export function openConnection(run: LaneRun, { connected, data, closed }: ConnectionEvents): Connection {
  const socket = connect({ ...run.nextTarget(), noDelay: true });
  let waitingSinceMs: number | undefined = run.nowMs();
  let ending = false;
  let failed = false;

  const count = (error: keyof LoadErrors): void => {
    if (failed) return;
    failed = true;
    run.failed(error);
  };
  socket.on("connect", () => {
    run.opened();
    connected();
  });
  socket.on("data", (chunk) => {
    if (failed) return;
    run.received(chunk.length);
    data(chunk);
  });
  socket.on("end", () => {
    if (!ending) count("dropped");
  });
  socket.on("error", (error: NodeJS.ErrnoException) => count(error.code === "ECONNREFUSED" ? "refused" : "dropped"));
  socket.on("close", () => {
    waitingSinceMs = undefined;
    closed(ending && !failed);
  });

  return {
    get waitingSinceMs() {
      return waitingSinceMs;
    },
    send(request) {
      waitingSinceMs = run.nowMs();
      socket.write(request);
    },
    stillWaiting() {
      waitingSinceMs = run.nowMs();
    },
    rest() {
      waitingSinceMs = undefined;
    },
    end() {
      ending = true;
      waitingSinceMs = run.nowMs();
      socket.end();
    },
    fail(error) {
      count(error);
      socket.destroy();
    },
    drop() {
      failed = true;
      socket.removeAllListeners("close");
      socket.destroy();
    },
  };
}
