import { ipvsSchedulers } from "../../balancers/ipvs-schedulers.ts";
import { flag, oneOf, text } from "../../cluster/read/checks.ts";
import type { Fields } from "../../cluster/read/fields.ts";
import { schedulerFlags } from "../../dataplane/emulated/ipvs/scheduler-options.ts";
import { formatSocketAddr, type SocketAddr } from "../../net/flow.ts";
import { number, numbers, socketAddr, threshold, weight } from "./checks.ts";
import { type Answer, closeModes, type VectorEvent, type VectorServer } from "./vector.ts";

export const scheduler = oneOf(...ipvsSchedulers);
export const schedulerFlag = oneOf(...schedulerFlags);

const readers = {
  open: readOpen,
  packet: (event, seen) => ({ op: "packet", conn: knownConn(event, seen) }),
  close: readClose,
  expire: readExpire,
  add: (event, seen) => ({ op: "add", server: readServer(event.child("server"), seen) }),
  remove(event, seen) {
    const server = listedServer(event, seen);
    seen.listed.delete(server);
    return { op: "remove", server };
  },
  setWeight: (event, seen) => ({
    op: "setWeight",
    server: listedServer(event, seen),
    weight: event.required("weight", weight),
  }),
  setThreshold: (event, seen) => ({ op: "setThreshold", server: listedServer(event, seen), ...readThresholds(event) }),
  setScheduler: (event) => ({
    op: "setScheduler",
    scheduler: event.required("scheduler", scheduler),
    flags: event.list("flags", schedulerFlag) ?? [],
  }),
  wait: (event) => ({ op: "wait", ms: event.required("ms", number) }),
} satisfies Record<VectorEvent["op"], (event: Fields, seen: Seen) => VectorEvent>;

const op = oneOf(...(Object.keys(readers) as VectorEvent["op"][]));

/** What the events up to some place have named. */
export interface Seen {
  /** Where clients reach the virtual server, if that is one place. */
  readonly address: SocketAddr | undefined;
  readonly conns: Set<number>;
  /** The address of each server in the list, by id. */
  readonly listed: Map<number, string>;
}

/** Reads one event; `seen` goes on to the next one. @throws {WrongField} */
export function readEvent(event: Fields, seen: Seen): VectorEvent {
  return readers[event.required("op", op)](event, seen);
}

/** Reads a server that is added. @throws {WrongField} */
export function readServer(fields: Fields, { listed }: Seen): VectorServer {
  const id = fields.required("id", number);
  const addr = socketAddr(fields, "address");
  const at = formatSocketAddr(addr);
  if (listed.has(id)) fields.fail("id", "a server that is not in the list");
  if ([...listed.values()].includes(at)) fields.fail("address", "an address and port that no other server has");
  listed.set(id, at);
  return { id, addr, weight: fields.required("weight", weight), ...readThresholds(fields) };
}

function readThresholds(fields: Fields): { readonly upper: number; readonly lower: number } {
  const upper = fields.optional("upper", threshold) ?? 0;
  const lower = fields.optional("lower", threshold) ?? 0;
  if (lower > upper) fields.fail("lower", "at most the upper threshold");
  return { upper, lower };
}

function readOpen(event: Fields, { address, conns }: Seen): VectorEvent {
  const conn = event.required("conn", number);
  if (conns.has(conn)) event.fail("conn", "a number that no connection before has");
  conns.add(conn);
  const client = socketAddr(event.child("client"), "ip");
  const to = event.has("dst") ? socketAddr(event.child("dst"), "ip") : address;
  if (to === undefined) event.fail("dst", "where the client connects to");
  return { op: "open", conn, client, to, answer: answerOf(event) };
}

function answerOf(event: Fields): Answer | undefined {
  const result = event.optional("result", oneOf("ok", "half", "rst", "no-server"));
  const state = event.optional("state", text);
  if (result === "rst") return "refused";
  // A client that does not wait may have been answered all the same: that is told by the state afterwards.
  const half = result === "half" || event.optional("half", flag) === true;
  if (state === undefined && (half || result === undefined)) return undefined;
  return half && state === "SYN_RECV" ? "none" : "accepted";
}

function readClose(event: Fields, seen: Seen): VectorEvent {
  return { op: "close", conn: knownConn(event, seen), mode: event.required("mode", oneOf(...closeModes)) };
}

function readExpire(event: Fields, { conns }: Seen): VectorEvent {
  const expired = event.required("conns", numbers);
  if (expired.some((conn) => !conns.has(conn))) event.fail("conns", "connections that were opened before");
  return { op: "expire", conns: expired };
}

function knownConn(event: Fields, { conns }: Seen): number {
  const conn = event.required("conn", number);
  return conns.has(conn) ? conn : event.fail("conn", "a connection that was opened before");
}

function listedServer(event: Fields, { listed }: Seen): number {
  const server = event.required("server", number);
  return listed.has(server) ? server : event.fail("server", "a server in the list");
}
