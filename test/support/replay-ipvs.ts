import { type BackendSet, createBackendSet, holds, listed } from "../../src/balancers/backend-set.ts";
import { type Balancer, NO_BACKEND } from "../../src/balancers/balancer.ts";
import { identityOf } from "../../src/balancers/identity.ts";
import type { Kernel } from "../../src/balancers/kernel.ts";
import { algorithm, takesOption } from "../../src/balancers/registry.ts";
import { assertNever } from "../../src/core/errors.ts";
import { seededRandom } from "../../src/core/random.ts";
import { type Flow, formatSocketAddr, type SocketAddr, TCP, UDP } from "../../src/net/flow.ts";
import { parseIp } from "../../src/net/ip.ts";
import { DrivenSet } from "./driven-set.ts";
import type { Outcome, RecordedEvent, RecordedServer, Recording, ServerCounts, SocketText } from "./ipvs-recording.ts";

type Open = RecordedEvent & { readonly op: "open" };

/** An entry of the connection table: where its packets go, and which count of that server it is part of. */
interface Connection {
  readonly slot: number;
  active: boolean;
}

/** Does what a recording did to a kernel's virtual server to one of ours, by the rules of some kernel. */
export function replayIpvs(recording: Recording, kernel: Kernel): Required<Outcome> {
  const server = new VirtualServer(recording, kernel);
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
  readonly #kernel: Kernel;
  readonly #driven: DrivenSet;
  #scheduler: string;
  /** Slots by server id; a server that was removed keeps its own, and with it its counts. */
  readonly #slots = new Map<number, number>();
  readonly #ids: number[] = [];
  readonly #connections = new Map<number, Connection>();
  readonly #opens = new Map<number, Open>();
  #nowMs = 0;

  constructor(recording: Recording, kernel: Kernel) {
    const added = recording.events.flatMap((event) => (event.op === "add" ? [event.server] : []));
    const set = createBackendSet(recording.servers.length + added.length);
    this.#recording = recording;
    this.#kernel = kernel;
    this.#scheduler = recording.scheduler;
    this.#driven = new DrivenSet(set, startScheduler(recording, kernel, set), kernel);
    for (const server of recording.servers) this.#add(server);
  }

  /** @returns the id of the server; null when there is none. */
  open(event: Open): number | null {
    this.#opens.set(event.conn, event);
    const slot = this.#driven.balancer.pick(this.#flowOf(event), this.#nowMs);
    if (slot === NO_BACKEND) return null;
    // No entry stays: every datagram is scheduled, and none is counted.
    if (this.#recording.onePacket) return this.#ids[slot]!;
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
        this.#setScheduler(event);
        break;
      case "wait":
        this.#nowMs += event.ms;
        break;
      case "setThreshold":
        this.#driven.limit(this.#slots.get(event.server)!, event);
        break;
      default:
        assertNever(event);
    }
  }

  counts(): ServerCounts[] {
    const { set } = this.#driven;
    return listed(set).map((slot) => [this.#ids[slot]!, set.active[slot]!, set.inactive[slot]!]);
  }

  #add({ id, address, port, weight, upper = 0, lower = 0 }: RecordedServer): void {
    const slot = this.#slots.get(id) ?? this.#slots.size;
    this.#slots.set(id, slot);
    this.#ids[slot] = id;
    const identity = identityOf(formatSocketAddr(socketAddr({ ip: address, port })));
    this.#driven.add(slot, weight, { upper, lower }, identity);
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
  #setScheduler(event: SchedulerText): void {
    if (event.scheduler === this.#scheduler) return;
    this.#scheduler = event.scheduler;
    this.#driven.balancer = startScheduler(event, this.#kernel, this.#driven.set);
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

type SchedulerText = Pick<Recording, "scheduler" | "flags"> & Partial<Pick<Recording, "sysctl">>;

/** The settings of a whole kernel that are options of a scheduler here. */
const schedulerSysctls: Readonly<Record<string, string>> = {
  lblc_expiration: "lblcExpirationSeconds",
  lblcr_expiration: "lblcrExpirationSeconds",
};

function startScheduler({ scheduler, flags, sysctl = {} }: SchedulerText, kernel: Kernel, set: BackendSet): Balancer {
  const settings = Object.entries(sysctl).map(([name, value]) => [schedulerSysctls[name], value] as const);
  const { create, stateWords } = algorithm(scheduler, {
    ...(takesOption(scheduler, "kernel") ? { kernel } : {}),
    ...Object.fromEntries(settings),
    ...Object.fromEntries(
      flags.map((flag) => [flag.replace(/-(.)/, (_, letter: string) => letter.toUpperCase()), true]),
    ),
  });
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
