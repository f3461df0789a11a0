/**
 * IPVS as its documentation tells it: one virtual server, whose connections and templates are lists that are searched
 * from one end to the other, over the literal forms of the schedulers. It shares with what it is compared with how a
 * vector is read, and the columns that the schedulers look at.
 */
import {
  type BackendSet,
  createBackendSet,
  holds,
  linkFirst,
  listed,
  unlink,
} from "../../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../../src/balancers/balancer.ts";
import { identityOf } from "../../../src/balancers/identity.ts";
import type { Kernel } from "../../../src/balancers/kernel.ts";
import type { Replayed } from "../../../src/lab/conformance/replayed.ts";
import type { ServerCounts, Vector, VectorEvent, VectorServer } from "../../../src/lab/conformance/vector.ts";
import { type Flow, formatSocketAddr, TCP } from "../../../src/net/flow.ts";
import { formatIp, type Ip } from "../../../src/net/ip.ts";
import { destinationHashing, maglevHashing, sourceHashing } from "../../balancers/hash-oracles.ts";
import { localityBased, localityBasedReplicated } from "../../balancers/locality-oracles.ts";
import { type Oracle, oracles } from "../../balancers/oracles.ts";

interface Template {
  readonly who: string;
  readonly server: number;
  timeoutMs: number;
  endMs: number;
  valid: boolean;
}

interface Connection {
  readonly conn: number;
  readonly socket: string;
  readonly flow: Flow;
  /** Its slot. */
  readonly server: number;
  readonly template: Template | undefined;
  state: string;
  endMs: number;
}

const seconds: Readonly<Record<string, number>> = {
  SYN_RECV: 60,
  ESTABLISHED: 900,
  FIN_WAIT: 120,
  CLOSE_WAIT: 60,
  TIME_WAIT: 120,
  CLOSE: 10,
  UDP: 300,
};

/** Of each packet of a connection: the state that it ends in, by the state that it finds. */
const transitions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  syn: { SYN_RECV: "SYN_RECV", FIN_WAIT: "SYN_RECV", CLOSE_WAIT: "SYN_RECV", TIME_WAIT: "SYN_RECV", CLOSE: "SYN_RECV" },
  ack: { SYN_RECV: "ESTABLISHED" },
  "client-fin": { SYN_RECV: "TIME_WAIT", ESTABLISHED: "CLOSE_WAIT", FIN_WAIT: "TIME_WAIT" },
  "server-fin": { SYN_RECV: "TIME_WAIT", ESTABLISHED: "FIN_WAIT", CLOSE_WAIT: "TIME_WAIT" },
  "client-rst": { ESTABLISHED: "CLOSE", FIN_WAIT: "CLOSE", CLOSE_WAIT: "CLOSE", TIME_WAIT: "CLOSE" },
  "server-rst": { SYN_RECV: "CLOSE", ESTABLISHED: "CLOSE", FIN_WAIT: "CLOSE", CLOSE_WAIT: "CLOSE" },
};
const packetsOf: Readonly<Record<string, readonly string[]>> = {
  "client-fin": ["client-fin", "server-fin"],
  "server-fin": ["server-fin", "client-fin"],
  "client-half": ["client-fin"],
  "server-half": ["server-fin"],
};

const isActive = (state: string): boolean => state === "SYN_RECV" || state === "ESTABLISHED";

/** @returns what it did, in the vector's form. */
export function replayLiterally(vector: Vector, kernel: Kernel): Replayed {
  const literal = new LiteralKernel(vector, kernel);
  const picks: (number | null)[] = [];
  const packetPicks: (number | null)[] = [];
  const counts = vector.events.map((event) => {
    if (event.op === "open") picks.push(literal.open(event));
    else if (event.op === "packet") packetPicks.push(literal.datagram(event.conn));
    else literal.apply(event);
    return literal.counts();
  });
  return { picks, packetPicks, counts };
}

class LiteralKernel {
  readonly #vector: Vector;
  readonly #kernel: Kernel;
  readonly #set: BackendSet;
  readonly #servers = new Map<number, VectorServer>();
  /** Slots by address: a server that comes back is the same one. */
  readonly #slots: string[] = [];
  readonly #ids: number[] = [];
  readonly #lastWeights: number[] = [];
  #scheduler: string;
  #flags: readonly string[];
  #oracle: Oracle;
  #nowMs = 0;
  #connections: Connection[] = [];
  #templates: Template[] = [];
  /** Every flow that a client ever opened, and which of them its socket was opened for last. */
  readonly #flows = new Map<number, Flow>();
  readonly #latest = new Map<string, number>();

  constructor(vector: Vector, kernel: Kernel) {
    const added = vector.events.filter(({ op }) => op === "add").length;
    this.#vector = vector;
    this.#kernel = kernel;
    this.#set = createBackendSet(vector.servers.length + added + 1);
    this.#scheduler = vector.service.scheduler;
    this.#flags = vector.service.flags;
    this.#oracle = this.#schedulerAnew();
    for (const server of vector.servers) this.#add(server);
  }

  open({ conn, client, to, answer }: VectorEvent & { readonly op: "open" }): number | null {
    const { proto } = this.#vector;
    this.#flows.set(conn, { proto, src: client.ip, srcPort: client.port, dst: to.ip, dstPort: to.port });
    this.#latest.set(socketOf(this.#flows.get(conn)!), conn);
    const known = this.#connectionAt(socketOf(this.#flows.get(conn)!));
    if (known !== undefined && !this.#isScheduledAgain(known)) {
      // To whoever uses the socket it is the connection of now.
      const same = { ...known, conn };
      this.#connections.splice(this.#connections.indexOf(known), 1, same);
      return this.#handshake(same, answer);
    }
    const taken = this.#schedule(conn);
    if (known !== undefined) this.#forget(known);
    return taken === undefined ? null : this.#handshake(taken, answer);
  }

  datagram(conn: number): number | null {
    const known = this.#connectionAt(socketOf(this.#flows.get(conn)!));
    if (known === undefined) {
      const taken = this.#schedule(this.#latest.get(socketOf(this.#flows.get(conn)!))!);
      return taken === undefined ? null : this.#ids[taken.server]!;
    }
    if (!holds(this.#set, known.server)) return null;
    this.#enter(known, known.state);
    return this.#ids[known.server]!;
  }

  apply(event: Exclude<VectorEvent, { readonly op: "open" | "packet" }>): void {
    switch (event.op) {
      case "close":
        return this.#close(event.conn, event.mode);
      case "expire":
        return this.#expire(event.conns);
      case "add":
        return this.#add(event.server);
      case "remove":
        return this.#remove(this.#slotOf(event.server));
      case "setWeight":
        return this.#edit({ ...this.#servers.get(event.server)!, weight: event.weight });
      case "setThreshold":
        return this.#edit({ ...this.#servers.get(event.server)!, upper: event.upper, lower: event.lower });
      case "setScheduler":
        return this.#reschedule(event.scheduler, event.flags);
      case "wait":
        return this.#passTo(this.#nowMs + event.ms);
    }
  }

  counts(): ServerCounts[] {
    const { active, inactive } = this.#set;
    return listed(this.#set).map((slot) => [this.#ids[slot]!, active[slot]!, inactive[slot]!]);
  }

  #slotOf(id: number): number {
    return this.#slots.indexOf(formatSocketAddr(this.#servers.get(id)!.addr));
  }

  #connectionAt(socket: string): Connection | undefined {
    return this.#connections.find((one) => one.socket === socket);
  }

  #isScheduledAgain({ server, state, template }: Connection): boolean {
    if (this.#vector.proto !== TCP) return false;
    const { expireNodestConn = false, reuseConnections = true } = this.#vector.sysctls;
    if (expireNodestConn && this.#set.weight[server] === 0) return true;
    return reuseConnections && template === undefined && (state === "TIME_WAIT" || state === "CLOSE");
  }

  /** The SYN of a connection that has its entry, and what follows on it. @returns null if it is dropped. */
  #handshake(connection: Connection, answer: string | undefined): number | null {
    const { server } = connection;
    const { addr } = [...this.#servers.values()].find((one) => one.id === this.#ids[server])!;
    if (!this.#packet(connection, "syn")) return null;
    if (this.#vector.proto !== TCP) return this.#ids[server]!;
    const silent = typeof addr.ip === "number" && addr.ip >>> 16 === 0x0af5;
    const usual = silent ? "none" : addr.port === 9 ? "refused" : "accepted";
    if ((answer ?? usual) === "refused") this.#packet(connection, "server-rst");
    if ((answer ?? usual) === "accepted") this.#packet(connection, "ack");
    return this.#ids[server]!;
  }

  /** @returns whether it got through. */
  #packet(connection: Connection, kind: string): boolean {
    if (!kind.startsWith("server") && !holds(this.#set, connection.server)) return false;
    this.#enter(connection, transitions[kind]![connection.state] ?? connection.state);
    return true;
  }

  #enter(connection: Connection, state: string): void {
    const [was, is] = [isActive(connection.state), isActive(state)];
    connection.state = state;
    connection.endMs = this.#nowMs + this.#lifeOf(state);
    if (was === is) return;
    this.#set.active[connection.server]! += is ? 1 : -1;
    this.#set.inactive[connection.server]! += is ? -1 : 1;
  }

  #lifeOf(state: string): number {
    const set: Readonly<Record<string, number | undefined>> = this.#vector.timeoutsMs;
    return set[state] ?? seconds[state]! * 1000;
  }

  #schedule(conn: number): Connection | undefined {
    const flow = this.#flows.get(conn)!;
    const { persistence, onePacket } = this.#vector.service;
    const who =
      persistence === undefined ? "" : String(numberOf(flow.src) & numberOf(persistence.netmask ?? everyBit(flow.src)));
    let template = this.#templates.find((one) => one.who === who && one.valid);
    if (template !== undefined && !this.#leads(template)) {
      template.valid = false;
      template = undefined;
    }
    const server = template?.server ?? this.#oracle.pick(flow, this.#nowMs);
    if (server === NO_BACKEND) return undefined;
    if (template === undefined && persistence !== undefined) {
      template = { who, server, timeoutMs: persistence.timeoutMs, endMs: 0, valid: true };
      this.#templates.push(template);
      this.#bound(server);
    }
    if (template !== undefined) template.endMs = this.#nowMs + template.timeoutMs;
    const state = flow.proto === TCP ? "SYN_RECV" : "UDP";
    const endMs = this.#nowMs + this.#lifeOf(state);
    const connection = { conn, socket: socketOf(flow), flow, server, template, state, endMs };
    this.#connections.unshift(connection);
    if (isActive(state)) this.#set.active[server]! += 1;
    else this.#set.inactive[server]! += 1;
    this.#bound(server);
    if (onePacket && flow.proto !== TCP) this.#forget(connection);
    return connection;
  }

  #leads({ server }: Template): boolean {
    const quiet = this.#vector.sysctls.expireQuiescentTemplate === true && this.#set.weight[server] === 0;
    return holds(this.#set, server) && !quiet;
  }

  #forget(connection: Connection): void {
    this.#connections = this.#connections.filter((one) => one !== connection);
    if (isActive(connection.state)) this.#set.active[connection.server]! -= 1;
    else this.#set.inactive[connection.server]! -= 1;
    this.#unbound(connection.server);
  }

  #close(conn: number, mode: string): void {
    const own = (): Connection | undefined => this.#connections.find((one) => one.conn === conn);
    if (this.#vector.proto !== TCP) return;
    if (own()?.state === "SYN_RECV" && mode.startsWith("client")) return;
    for (const kind of packetsOf[mode] ?? [mode]) {
      const connection = own();
      if (connection === undefined || !this.#packet(connection, kind)) return;
    }
  }

  /** These leave the table; what would leave before them is kept in it. */
  #expire(conns: readonly number[]): void {
    const gone = this.#connections.filter(({ conn }) => conns.includes(conn));
    const endMs = Math.max(this.#nowMs, ...gone.map((one) => one.endMs));
    const kept = this.#connections.filter((one) => !gone.includes(one) && one.endMs <= endMs);
    for (const one of kept) one.endMs = Infinity;
    this.#passTo(endMs);
    for (const one of kept) this.#enter(one, one.state);
  }

  #passTo(endMs: number): void {
    for (;;) {
      const next = Math.min(...[...this.#connections, ...this.#templates].map((one) => one.endMs));
      if (!(next <= endMs)) break;
      this.#nowMs = next;
      const connection = this.#connections.find((one) => one.endMs === next);
      if (connection === undefined) this.#fire(this.#templates.find((one) => one.endMs === next)!);
      else this.#forget(connection);
    }
    this.#nowMs = endMs;
  }

  #fire(template: Template): void {
    if (this.#connections.some((one) => one.template === template)) {
      template.timeoutMs = 60_000;
      template.endMs = this.#nowMs + 60_000;
      return;
    }
    this.#templates = this.#templates.filter((one) => one !== template);
    this.#unbound(template.server);
  }

  #add(server: VectorServer): void {
    const at = formatSocketAddr(server.addr);
    if (!this.#slots.includes(at)) this.#slots.push(at);
    const slot = this.#slots.indexOf(at);
    this.#servers.set(server.id, server);
    this.#ids[slot] = server.id;
    this.#lastWeights[slot] = server.weight;
    this.#limit(slot, server);
    linkFirst(this.#set, slot, server.weight, identityOf(at));
    this.#oracle.edited?.();
  }

  #edit(server: VectorServer): void {
    this.#servers.set(server.id, server);
    const slot = this.#slotOf(server.id);
    if (server.weight > 0) this.#lastWeights[slot] = server.weight;
    this.#set.weight[slot] = server.weight;
    this.#limit(slot, server);
    this.#oracle.edited?.();
  }

  #remove(slot: number): void {
    this.#oracle.removing?.(slot);
    unlink(this.#set, slot);
    this.#oracle.edited?.();
    if (this.#vector.sysctls.expireNodestConn !== true) return;
    for (const one of this.#connections.filter(({ server }) => server === slot)) this.#forget(one);
    this.#templates = this.#templates.filter(({ server }) => server !== slot);
  }

  #reschedule(scheduler: string, flags: readonly string[]): void {
    const same = scheduler === this.#scheduler;
    this.#flags = flags;
    this.#scheduler = scheduler;
    // What has flags has tables, which follow from the list.
    if (!same || ["sh", "mh"].includes(scheduler)) this.#oracle = this.#schedulerAnew();
  }

  #schedulerAnew(): Oracle {
    const { lblcExpirationSeconds = 86_400, lblcrExpirationSeconds = 86_400 } = this.#vector.sysctls;
    const set = this.#set;
    const perActive = this.#kernel === "6.1.176" ? 256n : 257n;
    const has = (flag: string): boolean => this.#flags.some((one) => one.endsWith(`-${flag}`));
    const flags = { port: has("port"), fallback: has("fallback") };
    const forms: Readonly<Record<string, () => Oracle>> = {
      sh: () => sourceHashing(set, flags),
      dh: () => destinationHashing(set),
      mh: () => maglevHashing(set, flags, 12),
      lblc: () => localityBased(set, lblcExpirationSeconds * 1000, Number(perActive)),
      lblcr: () => localityBasedReplicated(set, lblcrExpirationSeconds * 1000, Number(perActive)),
    };
    const oracle = forms[this.#scheduler]?.() ?? oracles[this.#scheduler]!(set, 1, perActive);
    // mh goes by the last weights above 0 that servers ever had.
    const weights = set.weight.slice();
    if (this.#scheduler === "mh") for (const slot of listed(set)) set.weight[slot] = this.#lastWeights[slot]!;
    oracle.edited?.();
    set.weight.set(weights);
    return oracle;
  }

  /** A connection or a template was bound to it. */
  #bound(slot: number): void {
    if (this.#kernel !== "6.1.176") this.#evaluate(slot);
    else if (this.#set.upper[slot]! > 0 && this.#total(slot) >= this.#set.upper[slot]!) this.#set.overloaded[slot] = 1;
  }

  #unbound(slot: number): void {
    if (this.#kernel !== "6.1.176") this.#evaluate(slot);
    else if (this.#isBelowLower(slot)) this.#set.overloaded[slot] = 0;
  }

  #limit(slot: number, { upper, lower }: VectorServer): void {
    const raised = upper === 0 || upper > this.#set.upper[slot]!;
    this.#set.upper[slot] = upper;
    this.#set.lower[slot] = lower;
    if (this.#kernel !== "6.1.176") this.#evaluate(slot);
    else if (raised) this.#set.overloaded[slot] = 0;
  }

  #evaluate(slot: number): void {
    const upper = this.#set.upper[slot]!;
    if (upper === 0 || this.#isBelowLower(slot)) this.#set.overloaded[slot] = 0;
    else if (this.#total(slot) >= upper) this.#set.overloaded[slot] = 1;
  }

  #isBelowLower(slot: number): boolean {
    const { upper, lower } = this.#set;
    return lower[slot]! > 0 ? this.#total(slot) < lower[slot]! : this.#total(slot) * 4 < upper[slot]! * 3;
  }

  #total(slot: number): number {
    return this.#set.active[slot]! + this.#set.inactive[slot]!;
  }
}

function socketOf({ src, srcPort, dst, dstPort }: Flow): string {
  return [formatIp(src), srcPort, formatIp(dst), dstPort].join();
}

function numberOf(ip: Ip): bigint {
  if (typeof ip === "number") return BigInt(ip);
  return [ip.w0, ip.w1, ip.w2, ip.w3].reduce((number, word) => (number << 32n) | BigInt(word), 0n);
}

function everyBit(ip: Ip): Ip {
  const word = 0xffff_ffff;
  return typeof ip === "number" ? (word as typeof ip) : { w0: word, w1: word, w2: word, w3: word };
}
