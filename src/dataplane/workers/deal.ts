import type { ListenerSocket } from "./listener-sockets.ts";

/** A socket and the worker that is to open or close it. */
export interface Dealt {
  readonly socket: ListenerSocket;
  readonly seat: number;
}

/**
 * Which sockets have to be opened where, so that each is served. Dealt out, a service port goes to the worker that has
 * the fewest, and stays with it; `everywhere`, every worker gets every socket. One whose port the host is to choose is
 * opened in one place first, so that the others can follow it there.
 *
 * @param seats of the workers that are alive; not empty.
 */
export function openings(sockets: readonly ListenerSocket[], seats: readonly number[], everywhere: boolean): Dealt[] {
  const homeOf = dealer(sockets, seats);
  return sockets.flatMap((socket) => {
    if (!everywhere && socket.owners.size > 0) return [];
    const places = everywhere && socket.bound !== undefined ? seats : [homeOf(socket)];
    return places.filter((seat) => !socket.owners.has(seat)).map((seat) => ({ socket, seat }));
  });
}

/** Which sockets have to be closed where once only these are wanted. */
export function closings(
  sockets: readonly ListenerSocket[],
  wanted: ReadonlySet<ListenerSocket>,
  everywhere: boolean,
): Dealt[] {
  const homeOf = dealer(sockets, []);
  return sockets.flatMap((socket) => {
    const owners = [...socket.owners];
    const stays = (seat: number): boolean => wanted.has(socket) && (everywhere || seat === homeOf(socket));
    return owners.filter((seat) => !stays(seat)).map((seat) => ({ socket, seat }));
  });
}

/** Keeps the sockets of one service port together. */
function dealer(sockets: readonly ListenerSocket[], seats: readonly number[]): (socket: ListenerSocket) => number {
  const homes = new Map<string, number>();
  const load = new Map(seats.map((seat) => [seat, 0]));
  const settle = (group: string, seat: number): number => {
    homes.set(group, seat);
    load.set(seat, (load.get(seat) ?? 0) + 1);
    return seat;
  };
  for (const { group, owners } of sockets) {
    const [first] = owners;
    if (first !== undefined && !homes.has(group)) settle(group, first);
  }
  const leastLoaded = (): number => seats.reduce((least, seat) => (load.get(seat)! < load.get(least)! ? seat : least));
  return ({ group }) => homes.get(group) ?? settle(group, leastLoaded());
}
