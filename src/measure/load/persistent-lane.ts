import { type Connection, openConnection } from "./connection.ts";
import type { Lane, LaneRun } from "./lane.ts";

interface Conversation {
  /** The connection stands and the window is or was open: send, or end the connection. */
  start(connection: Connection): void;
  data(connection: Connection, chunk: Buffer): void;
  /** The connection is gone; another one takes its place, or none. */
  closed(): void;
}

/** A lane on a connection that stands before the window opens and stays; a new one takes its place only after an error. */
export function persistentLane(run: LaneRun, number: number, { start, data, closed }: Conversation): Lane {
  let connection: Connection | undefined;
  let begun = false;

  const open = (): Promise<void> =>
    new Promise((resolve) => {
      const mine = openConnection(run, {
        connected() {
          mine.rest();
          resolve();
          if (begun) start(mine);
        },
        data: (chunk) => data(mine, chunk),
        closed() {
          connection = undefined;
          resolve();
          closed();
          if (begun) next();
        },
      });
      connection = mine;
    });
  const next = (): void => {
    if (run.isOpen()) void open();
    else run.ended(number);
  };

  return {
    open,
    begin() {
      begun = true;
      if (connection === undefined) next();
      else start(connection);
    },
    get waitingSinceMs() {
      return connection?.waitingSinceMs;
    },
    giveUp: () => connection?.fail("timedOut"),
    abort() {
      connection?.drop();
      run.ended(number);
    },
  };
}
