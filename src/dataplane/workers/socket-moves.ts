import type { Crew } from "./crew.ts";
import { type Dealt, openings } from "./deal.ts";
import type { ListenerResult, ListenerSpec } from "./engine.ts";
import type { HeldSockets } from "./held-sockets.ts";
import type { ListenerSocket } from "./listener-sockets.ts";
import type { WorkerThread } from "./worker-thread.ts";

/** What came of opening sockets. */
interface OpeningReport {
  readonly opened: readonly Dealt[];
  readonly failed: readonly OpeningFailure[];
}

export interface OpeningFailure {
  readonly socket: ListenerSocket;
  readonly failure: string;
}

/** Has workers open and close listening sockets, and books who has which. */
export interface SocketMoves {
  /**
   * Opens what is missing for each of the sockets to be served. Goes on with the other workers when one dies; with none
   * left, sockets stay unserved.
   */
  open(
    sockets: readonly ListenerSocket[],
    threads: readonly WorkerThread[],
    everywhere: boolean,
  ): Promise<OpeningReport>;
  close(dealt: readonly Dealt[]): Promise<void>;
}

/** @param held where the control thread owns the sockets; undefined: each worker opens its own. */
export function createSocketMoves(crew: Crew, reusePort: boolean, held: HeldSockets | undefined): SocketMoves {
  const open = async (dealt: readonly Dealt[], everywhere: boolean): Promise<OpeningReport> => {
    const opened: Dealt[] = [];
    const failed: OpeningFailure[] = [];
    const note = (socket: ListenerSocket, seat: number, result: ListenerResult): void => {
      if ("failure" in result) failed.push({ socket, failure: result.failure });
      else opened.push({ socket, seat });
      book(socket, seat, result);
    };
    const specFor = (socket: ListenerSocket, seat: number): ListenerSpec | undefined => {
      const fd = held?.hold(socket, seat, everywhere);
      if (typeof fd !== "object") return specOf(socket, reusePort, fd);
      note(socket, seat, { id: socket.id, failure: fd.failure });
      return undefined;
    };
    const openAt = async (seat: number, ofSeat: readonly Dealt[]): Promise<void> => {
      const asked = ofSeat.flatMap(({ socket }) => {
        const spec = specFor(socket, seat);
        return spec === undefined ? [] : [{ socket, spec }];
      });
      const results = await threadOf(crew, seat)?.ask({ kind: "open", listeners: asked.map(({ spec }) => spec) });
      for (const [at, result] of (results ?? []).entries()) note(asked[at]!.socket, seat, result);
    };
    await Promise.all([...bySeat(dealt)].map(([seat, ofSeat]) => openAt(seat, ofSeat)));
    return { opened, failed };
  };
  return {
    async open(sockets, threads, everywhere) {
      const opened: Dealt[] = [];
      const failed = new Map<ListenerSocket, OpeningFailure>();
      for (;;) {
        const seats = crew.alive().flatMap((thread) => (threads.includes(thread) ? [thread.seat] : []));
        const left = sockets.filter((socket) => !failed.has(socket));
        const next = seats.length === 0 ? [] : openings(left, seats, everywhere);
        if (next.length === 0) return { opened, failed: [...failed.values()] };
        const report = await open(next, everywhere);
        opened.push(...report.opened);
        for (const failure of report.failed) failed.set(failure.socket, failure);
      }
    },
    async close(dealt) {
      const closeAt = async (seat: number, ofSeat: readonly Dealt[]): Promise<void> => {
        for (const { socket } of ofSeat) socket.owners.delete(seat);
        await threadOf(crew, seat)?.ask({ kind: "close", listeners: ofSeat.map(({ socket }) => socket.id) });
      };
      await Promise.all([...bySeat(dealt)].map(([seat, ofSeat]) => closeAt(seat, ofSeat)));
    },
  };
}

/** Groups sockets by the worker that is to do something with them. */
export function bySeat(dealt: readonly Dealt[]): ReadonlyMap<number, readonly Dealt[]> {
  const groups = new Map<number, Dealt[]>();
  for (const one of dealt) {
    const group = groups.get(one.seat);
    if (group === undefined) groups.set(one.seat, [one]);
    else group.push(one);
  }
  return groups;
}

function threadOf(crew: Crew, seat: number): WorkerThread | undefined {
  return crew.alive().find((thread) => thread.seat === seat);
}

function specOf(
  { id, proto, at, bound, group, transparent }: ListenerSocket,
  reusePort: boolean,
  fd: number | undefined,
): ListenerSpec {
  const spec = { id, proto, at: bound ?? at, reusePort, first: bound === undefined, group, transparent };
  return fd === undefined ? spec : { ...spec, fd };
}

function book(socket: ListenerSocket, seat: number, result: ListenerResult): void {
  if ("failure" in result) {
    socket.failure = result.failure;
    return;
  }
  socket.failure = undefined;
  socket.bound = result.bound;
  socket.owners.add(seat);
}
