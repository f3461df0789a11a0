import { type BackendSet, createBackendSet, holds, listed } from "../../src/balancers/backend-set.ts";
import { type Balancer, NO_BACKEND } from "../../src/balancers/balancer.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { assertNever } from "../../src/core/errors.ts";
import { seededRandom } from "../../src/core/random.ts";
import { type Flow, type SocketAddr, TCP, UDP } from "../../src/net/flow.ts";
import { parseIp } from "../../src/net/ip.ts";
import { DrivenSet } from "./driven-set.ts";
import type { Outcome, RecordedEvent, RecordedServer, Recording, ServerCounts, SocketText } from "./ipvs-recording.ts";

type Open = RecordedEvent & { readonly op: "open" };

/** An entry of the connection table: where its packets go, and which count of that server it is part of. */
interface Connection {
  readonly slot: number;
  active: boolean;
}

/**
 * Does what a recording did to a kernel's virtual server to one of ours.
 *
 * @param options of the scheduler it starts with.
 * @throws {Error} for an event that a scheduler alone cannot answer.
 */
export function replayIpvs(recording: Recording, options: object = {}): Required<Outcome> {
  const server = new VirtualServer(recording, options);
  const picks: (number | null)[] = [];
  const packetPicks: (number | null)[] = [];
  const counts: ServerCounts[][] = [];
  for (const event of recording.events) {
    if (event.op === "open") picks.push(server.open(event));
    else if (event.op === "packet") packetPicks.push(server.packet(event.conn));
    else server.apply(event);
    counts.push(server.counts());
  }
  return { picks, packetPicks, counts };
}

class VirtualServer {
  readonly #recording: Recording;
  readonly #driven: DrivenSet;
  #scheduler: string;
  /** Slots by server id; a server that was removed keeps its own, and with it its counts. */
  readonly #slots = new Map<number, number>();
  readonly #ids: number[] = [];
  readonly #connections = new Map<number, Connection>();
  readonly #opens = new Map<number, Open>();
  #nowMs = 0;

  constructor(recording: Recording, options: object) {
    const added = recording.events.flatMap((event) => (event.op === "add" ? [event.server] : []));
    const set = createBackendSet(recording.servers.length + added.length);
    this.#recording = recording;
    this.#scheduler = recording.scheduler;
    this.#driven = new DrivenSet(set, startScheduler(recording.scheduler, options, set));
    for (const server of recording.servers) this.#add(server);
  }

  /** @returns the id of the server; null when there is none. */
  open(event: Open): number | null {
    this.#opens.set(event.conn, event);
    const slot = this.#driven.balancer.pick(this.#flowOf(event), this.#nowMs);
    if (slot === NO_BACKEND) return null;
    const active = this.#recording.protocol === "tcp" && event.result !== "rst";
    this.#driven.count(slot, active ? { active: 1 } : { inactive: 1 });
    this.#connections.set(event.conn, { slot, active });
    return this.#ids[slot]!;
  }

  /** @returns the id of the server that gets the datagram; null when it is dropped. */
  packet(conn: number): number | null {
    const connection = this.#connections.get(conn);
    if (connection === undefined) return this.open(this.#opens.get(conn)!);
    return holds(this.#driven.set, connection.slot) ? this.#ids[connection.slot]! : null;
  }

  apply(event: Exclude<RecordedEvent, { readonly op: "open" | "packet" }>): void {
    switch (event.op) {
      case "close":
        if (event.noop !== true) this.#close(event.conn);
        break;
      case "expire":
        for (const conn of event.conns) this.#expire(conn);
        break;
      case "add":
        this.#add(event.server);
        break;
      case "remove":
        this.#driven.remove(this.#slots.get(event.server)!);
        break;
      case "setWeight":
        this.#driven.reweigh(this.#slots.get(event.server)!, event.weight);
        break;
      case "setScheduler":
        this.#setScheduler(event.scheduler);
        break;
      case "wait":
        this.#nowMs += event.ms;
        break;
      case "setThreshold":
        throw new Error(`${this.#recording.name}: thresholds are not replayed`);
      default:
        assertNever(event);
    }
  }

  counts(): ServerCounts[] {
    const { set } = this.#driven;
    return listed(set).map((slot) => [this.#ids[slot]!, set.active[slot]!, set.inactive[slot]!]);
  }

  #add({ id, weight }: RecordedServer): void {
    const slot = this.#slots.get(id) ?? this.#slots.size;
    this.#slots.set(id, slot);
    this.#ids[slot] = id;
    this.#driven.add(slot, weight);
  }

  /** The first FIN or RST, from whichever side. */
  #close(conn: number): void {
    const connection = this.#connections.get(conn)!;
    if (!connection.active) return;
    connection.active = false;
    this.#driven.count(connection.slot, { active: -1, inactive: 1 });
  }

  #expire(conn: number): void {
    const { slot, active } = this.#connections.get(conn)!;
    this.#connections.delete(conn);
    this.#driven.count(slot, active ? { active: -1 } : { inactive: -1 });
  }

  /** Another scheduler starts afresh; with the same one nothing moves. */
  #setScheduler(scheduler: string): void {
    if (scheduler === this.#scheduler) return;
    this.#scheduler = scheduler;
    this.#driven.balancer = startScheduler(scheduler, {}, this.#driven.set);
  }

  #flowOf({ client, dst }: Open): Flow {
    const { protocol, virtual } = this.#recording;
    const to = "fwmark" in virtual ? socketAddr(dst!) : socketAddr({ ip: virtual.address, port: virtual.port });
    const from = socketAddr(client);
    return {
      proto: protocol === "tcp" ? TCP : UDP,
      src: from.ip,
      srcPort: from.port,
      dst: to.ip,
      dstPort: to.port,
    };
  }
}

function startScheduler(name: string, options: object, set: BackendSet): Balancer {
  const { create, stateWords } = algorithm(name, options);
  const balancer = create(set, new Int32Array(stateWords(set.capacity)), seededRandom(1));
  balancer.rebuild();
  return balancer;
}

function socketAddr({ ip, port }: SocketText): SocketAddr {
  return { ip: parseIp(ip), port };
}

/** Where a replay differs from what was recorded: for each kind, the first place and both values. */
export interface Difference {
  readonly what: "picks" | "packetPicks" | "counts";
  readonly at: number;
  readonly recorded: unknown;
  readonly replayed: unknown;
}

/** Compares whole outcomes; counts that were not stable when they were recorded are passed over. */
export function differences(recorded: Outcome, replayed: Required<Outcome>): Difference[] {
  return [
    ...firstDifference("picks", recorded.picks, replayed.picks),
    ...firstDifference("packetPicks", recorded.packetPicks ?? [], replayed.packetPicks),
    ...firstDifference(
      "counts",
      recorded.counts,
      replayed.counts.map((counts, at) => (recorded.counts[at] === null ? null : counts)),
    ),
  ];
}

function firstDifference(
  what: Difference["what"],
  recorded: readonly unknown[],
  replayed: readonly unknown[],
): Difference[] {
  for (let at = 0; at < Math.max(recorded.length, replayed.length); at += 1) {
    if (JSON.stringify(recorded[at]) === JSON.stringify(replayed[at])) continue;
    return [{ what, at, recorded: recorded[at], replayed: replayed[at] }];
  }
  return [];
}
