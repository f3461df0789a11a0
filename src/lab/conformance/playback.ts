import { NO_BACKEND } from "../../balancers/balancer.ts";
import type { Kernel } from "../../balancers/kernel.ts";
import { type ManualClock, manualClock } from "../../core/clock.ts";
import type { Random } from "../../core/random.ts";
import { flowKey } from "../../dataplane/emulated/flow-key.ts";
import type { PacketKind } from "../../dataplane/emulated/flow-states.ts";
import { Ipvs, type IpvsConnection } from "../../dataplane/emulated/ipvs/ipvs.ts";
import type { Server } from "../../dataplane/emulated/ipvs/servers.ts";
import type { VirtualService } from "../../dataplane/emulated/ipvs/virtual-service.ts";
import { type Cidr, inCidr, parseCidr } from "../../net/cidr.ts";
import { type Flow, TCP } from "../../net/flow.ts";
import type { Answer, CloseMode, ServerCounts, Vector, VectorEvent, VectorServer } from "./vector.ts";

/** What each way to close looks like, packet by packet; after a half close the other side goes on. */
const closings: Readonly<Record<CloseMode, readonly PacketKind[]>> = {
  "client-fin": ["client-fin", "server-fin"],
  "server-fin": ["server-fin", "client-fin"],
  "client-half": ["client-fin"],
  "server-half": ["server-fin"],
  "client-rst": ["client-rst"],
  "server-rst": ["server-rst"],
};

/** What follows on a SYN. */
const answers: Readonly<Record<Answer, readonly PacketKind[]>> = {
  accepted: ["reply", "request"],
  refused: ["server-rst"],
  none: [],
};
/** The servers of recordings that never answer, and the port at which none listens. */
const SILENT: Cidr = parseCidr("10.245.0.0/16");
const CLOSED_PORT = 9;

/** What a server does about a SYN where it was not recorded. */
function usualAnswer({ addr: { ip, port } }: VectorServer): Answer {
  if (inCidr(ip, SILENT)) return "none";
  return port === CLOSED_PORT ? "refused" : "accepted";
}

type Pick = VectorEvent & { readonly op: "open" | "packet" };

/** Does to an emulated virtual server what a vector says was done to a kernel's. */
export class Playback {
  readonly service: VirtualService;
  readonly #vector: Vector;
  readonly #clock: ManualClock = manualClock();
  readonly #ipvs: Ipvs;
  /** What each server was last told to be, by id. */
  readonly #servers = new Map<number, VectorServer>();
  readonly #ids = new Map<Server, number>();
  readonly #flows = new Map<number, Flow>();
  /** Which connection was opened last from each client address and port. */
  readonly #sockets = new Map<string, number>();

  constructor(vector: Vector, kernel: Kernel, random: Random) {
    const { sysctls, timeoutsMs } = vector;
    this.#vector = vector;
    this.#ipvs = new Ipvs({ clock: this.#clock, random }, { kernel, sysctls, timeoutsMs });
    this.service = this.#ipvs.createService(vector.service);
    for (const server of vector.servers) this.#add(server);
  }

  /** @returns the id of the server that gets the packet; null if none does. */
  pick(event: Pick): number | null {
    return event.op === "open" ? this.#open(event) : this.#send(event.conn, "request");
  }

  apply(event: Exclude<VectorEvent, Pick>): void {
    switch (event.op) {
      case "close":
        return this.#close(event.conn, event.mode);
      case "expire":
        return this.#expire(event.conns);
      case "add":
        return this.#add(event.server);
      case "remove":
        return this.#remove(event.server);
      case "setWeight":
        return this.#edit({ ...this.#servers.get(event.server)!, weight: event.weight });
      case "setThreshold":
        return this.#edit({ ...this.#servers.get(event.server)!, upper: event.upper, lower: event.lower });
      case "setScheduler":
        return this.service.edit({ ...this.service.settings, scheduler: event.scheduler, flags: event.flags });
      case "wait":
        this.#clock.advance(event.ms);
        this.#ipvs.expire();
    }
  }

  /** The slot of a server, or NO_BACKEND for one that is not in the list, and for nobody. */
  slotOf(id: number | null | undefined): number {
    const server = this.#servers.get(id ?? -1);
    return (server && this.service.servers.find(server.addr)?.slot) ?? NO_BACKEND;
  }

  /** The ids of the servers in these slots. */
  idsAt(slots: readonly number[]): number[] {
    return slots.map((slot) => this.#ids.get(this.service.servers.at(slot))!);
  }

  /** Every server of the list, in its order. */
  counts(): ServerCounts[] {
    const { active, inactive } = this.service.servers.set;
    return this.service.servers
      .listed()
      .map((server) => [this.#ids.get(server)!, active[server.slot]!, inactive[server.slot]!]);
  }

  #open({ conn, client, to, answer }: Pick & { readonly op: "open" }): number | null {
    const { proto } = this.#vector;
    const flow = { proto, src: client.ip, srcPort: client.port, dst: to.ip, dstPort: to.port };
    this.#flows.set(conn, flow);
    this.#sockets.set(flowKey(flow), conn);
    const picked = this.#send(conn, "open");
    if (picked === null || proto !== TCP) return picked;
    for (const kind of answers[answer ?? usualAnswer(this.#servers.get(picked)!)]) this.#send(conn, kind);
    return picked;
  }

  #send(conn: number, kind: PacketKind): number | null {
    const outcome = this.#ipvs.packet(this.#flows.get(conn)!, kind, this.service);
    return outcome.verdict === "forward" ? this.#ids.get(outcome.server)! : null;
  }

  #close(conn: number, mode: CloseMode): void {
    if (this.#vector.proto !== TCP) return;
    // A client that was not answered yet gives up without a packet.
    if (this.#entryOf(conn)?.state === "SYN_RECV" && mode.startsWith("client")) return;
    for (const kind of closings[mode]) if (this.#entryOf(conn) === undefined || this.#send(conn, kind) === null) return;
  }

  /** Lets time pass until these connections have left the table. Those that are not named were kept in it by packets. */
  #expire(conns: readonly number[]): void {
    const entries = conns.flatMap((conn) => this.#entryOf(conn) ?? []);
    const endMs = Math.max(this.#clock.nowMs(), ...entries.map((entry) => this.#ipvs.endOf(entry)));
    const others = this.#ipvs.connections().filter((entry) => !entries.includes(entry));
    const stay = others.filter((entry) => this.#ipvs.endOf(entry) <= endMs);
    for (;;) {
      for (const { flow } of stay) this.#ipvs.packet(flow, "reply", undefined);
      if (this.#clock.nowMs() >= endMs) break;
      // Again right before the first of them would be over.
      const nextMs = Math.min(endMs, ...stay.map((entry) => this.#ipvs.endOf(entry) - 1));
      this.#clock.advance(nextMs - this.#clock.nowMs());
    }
    this.#ipvs.expire();
  }

  /** The entry of a connection, unless a later one from the same client address and port has taken its place. */
  #entryOf(conn: number): IpvsConnection | undefined {
    const flow = this.#flows.get(conn)!;
    return this.#sockets.get(flowKey(flow)) === conn ? this.#ipvs.find(flow) : undefined;
  }

  #add(server: VectorServer): void {
    this.#servers.set(server.id, server);
    this.#ids.set(this.service.servers.add(server.addr, server), server.id);
  }

  #edit(server: VectorServer): void {
    this.#servers.set(server.id, server);
    this.service.servers.edit(this.service.servers.find(server.addr)!, server);
  }

  #remove(id: number): void {
    this.#ipvs.removeServer(this.service, this.service.servers.find(this.#servers.get(id)!.addr)!);
  }
}
