/**
 * Real kernels' virtual servers, event by event, against the emulated node: every pick, and after every event every
 * server's counts. Here the whole way is gone: programs are applied, packets pass, entries expire by the clock.
 */
import assert from "node:assert/strict";
import { manualClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { createEmulated, type Emulated } from "../../../src/dataplane/emulated/emulated.ts";
import type { PacketKind } from "../../../src/dataplane/emulated/flow-states.ts";
import type { VirtualServer } from "../../../src/modes/ipvs/tables.ts";
import { type Flow, formatSocketAddr, TCP, UDP } from "../../../src/net/flow.ts";
import { familyOf, parseIp } from "../../../src/net/ip.ts";
import { algorithmNames } from "../../../src/balancers/registry.ts";
import {
  beyondSchedulers,
  ipvsRecordings,
  type RecordedEvent,
  type RecordedServer,
  type Recording,
  schedulersOf,
  type ServerCounts,
} from "../../support/ipvs-recording.ts";
import { suite } from "../../support/suite.ts";
import { plan } from "./literals.ts";

const test = suite("emulated ipvs: recorded kernels");

/** How a recorded close looks on the wire; a half close is a FIN of one side that the other only acknowledges. */
const closings: Readonly<Record<string, readonly PacketKind[]>> = {
  "client-fin": ["client-fin", "server-fin", "request"],
  "server-fin": ["server-fin", "client-fin", "reply"],
  "client-half": ["client-fin", "reply"],
  "server-half": ["server-fin", "request"],
  "client-rst": ["client-rst"],
  "server-rst": ["server-rst"],
};

/** kube-proxy has a server of weight 0 lose its clients (expire_quiescent_template); this kernel was not told so. */
const QUIESCENT = "persist-rr-weight0";

/** What a dataplane cannot be told by programs and packets; the weight that a server has already is no change to it. */
function beyondDataplane({ name, virtual, persistence, events, servers }: Recording): boolean {
  const masked = persistence?.netmask !== undefined;
  const played = events.every(({ op }) => op !== "setScheduler" && op !== "wait");
  const weights = new Map(servers.map(({ id, weight }) => [id, weight]));
  const editsNothing = events.some((event) => {
    if (event.op === "add") weights.set(event.server.id, event.server.weight);
    if (event.op !== "setWeight") return false;
    const same = weights.get(event.server) === event.weight;
    weights.set(event.server, event.weight);
    return same;
  });
  return "fwmark" in virtual || masked || !played || name === QUIESCENT || editsNothing;
}

const recordings = ipvsRecordings().filter(
  (recording) =>
    schedulersOf(recording).every((name) => (algorithmNames as readonly string[]).includes(name)) &&
    recording.deterministic &&
    beyondSchedulers(recording).every((what) => what === "persistence") &&
    !beyondDataplane(recording),
);

class Replay {
  readonly #recording: Recording;
  readonly #clock = manualClock();
  readonly #node: Emulated;
  readonly #ids = new Map<string, number>();
  readonly #flows = new Map<number, Flow>();
  #servers: RecordedServer[];

  constructor(recording: Recording & { readonly timeouts?: { readonly tcpfin: number; readonly udp: number } | null }) {
    this.#recording = recording;
    this.#servers = [...recording.servers];
    const { tcpfin = 0, udp = 0 } = recording.timeouts ?? {};
    const timeoutsMs = { ...(tcpfin > 0 && { FIN_WAIT: tcpfin * 1000 }), ...(udp > 0 && { UDP: udp * 1000 }) };
    this.#node = createEmulated({ random: seededRandom(1), clock: this.#clock, timeoutsMs });
  }

  /** Applies what the servers are now, as one virtual server. */
  async apply(): Promise<void> {
    const { virtual, scheduler, flags, persistence, protocol } = this.#recording;
    if ("fwmark" in virtual) throw new Error("a firewall mark is no address");
    const ip = parseIp(virtual.address);
    const servers = this.#servers.map(({ id, address, port, weight }) => {
      const addr = { ip: parseIp(address), port };
      this.#ids.set(formatSocketAddr(addr), id);
      return { addr, weight };
    });
    const virtualServer: VirtualServer = {
      addr: { ip, port: virtual.port },
      proto: protocol === "udp" ? UDP : TCP,
      scheduler,
      flags,
      persistenceSeconds: persistence?.timeout ?? 0,
      servers,
      servicePort: "default/recorded",
    };
    const program = { mode: "ipvs", tables: [{ family: familyOf(ip), virtualServers: [virtualServer] }] } as const;
    await this.#node.apply(program, plan());
  }

  /** @returns the server's id; null when the flow was rejected. */
  open(event: RecordedEvent & { readonly op: "open" }): number | null {
    const { virtual, protocol } = this.#recording;
    if ("fwmark" in virtual) throw new Error("a firewall mark is no address");
    const flow: Flow = {
      proto: protocol === "udp" ? UDP : TCP,
      src: parseIp(event.client.ip),
      srcPort: event.client.port,
      dst: parseIp(virtual.address),
      dstPort: virtual.port,
    };
    this.#flows.set(event.conn, flow);
    const decision = this.#node.packet(flow);
    if (decision.verdict !== "forward") return null;
    if (event.result === "ok") {
      this.#node.packet(flow, "reply");
      this.#node.packet(flow, "request");
    } else if (event.result === "rst") this.#node.packet(flow, "server-rst");
    return this.#ids.get(formatSocketAddr(decision.to))!;
  }

  /** One more datagram of a client. @returns the server's id. */
  packet(conn: number): number | null {
    const decision = this.#node.packet(this.#flows.get(conn)!, "request");
    return decision.verdict === "forward" ? this.#ids.get(formatSocketAddr(decision.to))! : null;
  }

  async change(event: Exclude<RecordedEvent, { readonly op: "open" | "packet" }>): Promise<void> {
    switch (event.op) {
      case "close":
        if (event.noop === true) return;
        for (const kind of closings[event.mode]!) this.#node.packet(this.#flows.get(event.conn)!, kind);
        return;
      case "expire":
        this.#expire(event.conns);
        return;
      case "add":
        this.#servers = [...this.#servers, event.server];
        break;
      case "remove":
        this.#servers = this.#servers.filter(({ id }) => id !== event.server);
        break;
      case "setWeight":
        this.#servers = this.#servers.map((one) => (one.id === event.server ? { ...one, weight: event.weight } : one));
        break;
      default:
        throw new Error(`not played: ${event.op}`);
    }
    await this.apply();
  }

  /** Lets these connections be idle for longer than their shortened time-out. A UDP client that stays goes on sending. */
  #expire(conns: readonly number[]): void {
    for (let waitedMs = 0; waitedMs < 2000; waitedMs += 500) {
      this.#clock.advance(500);
      for (const [conn, flow] of this.#flows) {
        if (flow.proto === UDP && !conns.includes(conn)) this.#node.packet(flow, "reply");
      }
    }
  }

  counts(): ServerCounts[] {
    const { virtual, protocol } = this.#recording;
    if ("fwmark" in virtual) throw new Error("a firewall mark is no address");
    const at = formatSocketAddr({ ip: parseIp(virtual.address), port: virtual.port });
    return this.#node
      .servers(`${at}/${protocol.toUpperCase()}`)!
      .map(({ addr, active, inactive }) => [this.#ids.get(formatSocketAddr(addr))!, active, inactive]);
  }
}

test("there are recordings of each scheduler that has any without firewall marks, thresholds and chance", () => {
  for (const name of ["rr", "wrr", "lc", "wlc", "sed", "nq", "sh", "mh", "fo", "ovf", "dh", "lblc"]) {
    assert.ok(
      recordings.some(({ scheduler }) => scheduler === name),
      name,
    );
  }
});

for (const recording of recordings) {
  test(recording.name, async () => {
    const replay = new Replay(recording);
    await replay.apply();
    const picks: (number | null)[] = [];
    const packetPicks: (number | null)[] = [];
    for (const [index, event] of recording.events.entries()) {
      if (event.op === "open") picks.push(replay.open(event));
      else if (event.op === "packet") packetPicks.push(replay.packet(event.conn));
      else await replay.change(event);
      const counts = recording.counts[index];
      if (counts !== null) assert.deepEqual(replay.counts(), counts, `event ${index}: ${JSON.stringify(event)}`);
    }
    assert.deepEqual(picks, recording.picks);
    assert.deepEqual(packetPicks, recording.packetPicks ?? []);
  });
}
