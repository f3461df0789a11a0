import type { SocketAddr, TCP, UDP } from "../../net/flow.ts";
import type { WantedListener } from "./listen-plan.ts";

/** A listening socket as the control thread knows it; with `reusePort` it is one in each of several workers. */
export interface ListenerSocket {
  readonly id: number;
  readonly proto: typeof TCP | typeof UDP;
  /** What it was asked for. Port 0: whatever the host chooses. */
  readonly at: SocketAddr;
  /** The service port for which it was opened. */
  readonly group: string;
  readonly transparent: boolean;
  /** Where it listens; undefined until it does for the first time. It stays the same whatever happens to workers. */
  bound: SocketAddr | undefined;
  /** Seats of the workers that listen. */
  readonly owners: Set<number>;
  /** Why nobody listens who should. */
  failure: string | undefined;
}

/** All listening sockets, by the key of what wants them. */
export interface ListenerSockets {
  all(): readonly ListenerSocket[];
  find(key: string): ListenerSocket | undefined;
  /** The sockets of these, those that are known already first; the others are new and closed. */
  take(wanted: readonly WantedListener[]): readonly ListenerSocket[];
  /** Forgets all but the sockets of these. */
  retain(wanted: readonly WantedListener[]): void;
  /** A worker is gone, and its sockets with it. */
  lose(seat: number): void;
}

export function createListenerSockets(): ListenerSockets {
  const byKey = new Map<string, ListenerSocket>();
  let nextId = 0;
  const create = ({ proto, at, frontend, transparent }: WantedListener): ListenerSocket => ({
    id: nextId++,
    proto,
    at,
    group: frontend.servicePort,
    transparent,
    bound: undefined,
    owners: new Set(),
    failure: undefined,
  });
  return {
    all: () => [...byKey.values()],
    find: (key) => byKey.get(key),
    take: (wanted) =>
      wanted.map((one) => {
        const socket = byKey.get(one.key) ?? create(one);
        byKey.set(one.key, socket);
        return socket;
      }),
    retain(wanted) {
      const keys = new Set(wanted.map(({ key }) => key));
      for (const key of byKey.keys()) if (!keys.has(key)) byKey.delete(key);
    },
    lose(seat) {
      for (const { owners } of byKey.values()) owners.delete(seat);
    },
  };
}
