import type { Addon } from "../../host/addon.ts";
import { TCP } from "../../net/flow.ts";
import type { ListenerSocket } from "./listener-sockets.ts";
import { openListeningSocket } from "./native-engine/listening-socket.ts";

/**
 * Sockets that the control thread owns, so that they outlive workers: what waits in them when a worker dies is served by
 * the next one. All workers share one TCP socket. UDP has one a worker, so that a client's datagrams stay together.
 */
export interface HeldSockets {
  /** The descriptor for a worker to copy; opened on first use. @returns or why it cannot be opened. */
  hold(socket: ListenerSocket, seat: number, everywhere: boolean): number | { readonly failure: string };
  /** Closes what no longer has a server among these seats; one is kept in any case. */
  keepOnly(socket: ListenerSocket, seats: ReadonlySet<number>): void;
  /** Closes those of all but these. */
  retain(sockets: readonly ListenerSocket[]): void;
}

/** Where a TCP socket stands among the seats: it belongs to all of them. */
const SHARED = -1;

export function createHeldSockets(addon: Addon, backlog: number): HeldSockets {
  /** By id of the socket: by seat. */
  const held = new Map<number, Map<number, number>>();

  const open = (socket: ListenerSocket, place: number): number | { readonly failure: string } => {
    const { proto, at, bound } = socket;
    const first = bound === undefined;
    const opened = openListeningSocket(addon, { proto, at: bound ?? at, reusePort: proto !== TCP, first }, backlog);
    if ("failure" in opened) return opened;
    socket.bound = opened.bound;
    held.set(socket.id, (held.get(socket.id) ?? new Map()).set(place, opened.fd));
    return opened.fd;
  };
  return {
    hold(socket, seat, everywhere) {
      const place = socket.proto === TCP ? SHARED : seat;
      const mine = held.get(socket.id);
      const known = mine?.get(place);
      if (known !== undefined) return known;
      const [orphan] = mine?.entries() ?? [];
      if (everywhere || orphan === undefined) return open(socket, place);
      // Served by one worker: whoever comes next goes on with what the one before had.
      mine!.delete(orphan[0]);
      mine!.set(place, orphan[1]);
      return orphan[1];
    },
    keepOnly({ id }, seats) {
      const mine = held.get(id);
      for (const [place, fd] of mine ?? []) {
        if (place === SHARED || seats.has(place) || mine!.size === 1) continue;
        mine!.delete(place);
        addon.closeSocket(fd);
      }
    },
    retain(sockets) {
      const ids = new Set(sockets.map(({ id }) => id));
      for (const [id, mine] of held) {
        if (ids.has(id)) continue;
        for (const fd of mine.values()) addon.closeSocket(fd);
        held.delete(id);
      }
    },
  };
}
