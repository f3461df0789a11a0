import type { Socket } from "node:net";
import { resetSocket } from "./tcp-reset.ts";

/** What joined sockets say. */
export interface JoinEvents {
  toEndpoint(bytes: number): void;
  toClient(bytes: number): void;
  /** The first FIN or RST of either side. */
  closing(): void;
  /** Both sockets are closed. */
  ended(how: "closed" | "reset"): void;
}

/** Two sockets that are one connection. */
export interface Joined {
  /** Resets both. */
  reset(): void;
}

/**
 * Moves bytes both ways between two paused sockets, no faster than the slower side takes them. A FIN of one side goes
 * to the other when all before it has been delivered, and the other way stays open; a RST goes over at once.
 *
 * @param closesBoth the userspace mode: whatever ends first, both sockets are closed as soon as its last bytes are
 *   delivered, and what the other way still had is lost.
 */
export function joinSockets(client: Socket, endpoint: Socket, closesBoth: boolean, events: JoinEvents): Joined {
  let how: "closed" | "reset" = "closed";
  let closing = false;
  let open = 2;

  const startClosing = (): void => {
    if (!closing) events.closing();
    closing = true;
  };
  const failed = (other: Socket) => (): void => {
    how = "reset";
    startClosing();
    if (closesBoth) other.destroy();
    else resetSocket(other);
  };
  const finished = (from: Socket, to: Socket) => (): void => {
    startClosing();
    if (!closesBoth) to.end();
    else
      to.end(() => {
        from.destroy();
        to.destroy();
      });
  };
  const closed = (): void => {
    open -= 1;
    if (open === 0) events.ended(how);
  };
  const follow = (from: Socket, to: Socket, moved: (bytes: number) => void): void => {
    from.on("data", (chunk: Buffer) => {
      moved(chunk.length);
      if (!to.write(chunk)) from.pause();
    });
    to.on("drain", () => from.resume());
    from.once("end", finished(from, to));
    from.on("error", failed(to));
    from.once("close", closed);
    from.resume();
  };

  follow(client, endpoint, events.toEndpoint);
  follow(endpoint, client, events.toClient);
  return {
    reset() {
      how = "reset";
      resetSocket(client);
      resetSocket(endpoint);
    },
  };
}
