/**
 * Real kernels' virtual servers as dumps that somebody took right before a connection was opened: `ipvsadm -S -n` and
 * `ipvsadm -L -n -c`. A trace has to say what the kernel then did.
 */
import assert from "node:assert/strict";
import { parseIpvsConnections } from "../../../../src/dataplane/emulated/netfilter/parse-ipvs-connections.ts";
import { assembleNode } from "../../../../src/explain/assemble-node.ts";
import { type PacketTrace, tracePacket } from "../../../../src/explain/trace-packet.ts";
import { parseServers } from "../../../../src/modes/ipvs/parse-servers.ts";
import { formatSocketAddr, TCP, UDP } from "../../../../src/net/flow.ts";
import { formatIp, parseIp } from "../../../../src/net/ip.ts";
import {
  beyondSchedulers,
  ipvsRecordings,
  type RecordedEvent,
  type RecordedServer,
  type Recording,
  type ServerCounts,
} from "../../../support/ipvs-recording.ts";
import { runs } from "../../../support/seed.ts";
import { suite } from "../../../support/suite.ts";

const test = suite("traces through IPVS: recorded kernels", { timeoutMs: 120_000 });

type Open = RecordedEvent & { readonly op: "open" };

/** Their picks follow from what a host shows. */
const known: ReadonlySet<string> = new Set(["lc", "wlc", "sed", "nq", "sh", "mh", "dh", "fo", "ovf"]);
/** Whose turn it is no dump tells, nor what chance will be: each end has to be named. */
const drawing: ReadonlySet<string> = new Set(["rr", "wrr", "twos"]);

/** kube-proxy has a server of weight 0 lose its clients (expire_quiescent_template); this kernel was not told so. */
const QUIESCENT = "persist-rr-weight0";

/** What no dump tells: whether a server was overloaded before, which weight it had, what the sysctls are. */
function tellsAll(recording: Recording): boolean {
  if (recording.name === QUIESCENT) return false;
  const beyond = beyondSchedulers(recording);
  const reweighted = recording.events.some(({ op }) => op === "setWeight");
  return !beyond.includes("thresholds") && !beyond.includes("sysctl") && !(recording.scheduler === "mh" && reweighted);
}

/** A recording up to some event, as a host would show it. */
class Shown {
  readonly #recording: Recording;
  #servers: RecordedServer[];
  #scheduler: string;
  #flags: readonly string[];
  /** Which server each client was last sent to. */
  readonly #last = new Map<string, number>();

  constructor(recording: Recording) {
    this.#recording = recording;
    this.#servers = [...recording.servers];
    this.#scheduler = recording.scheduler;
    this.#flags = recording.flags;
  }

  get scheduler(): string {
    return this.#scheduler;
  }

  pass(event: RecordedEvent, picked: number | null | undefined): void {
    if (event.op === "add") this.#servers.push(event.server);
    if (event.op === "remove") {
      this.#servers = this.#servers.filter(({ id }) => id !== event.server);
      for (const [client, id] of this.#last) if (id === event.server) this.#last.delete(client);
    }
    if (event.op === "setWeight") {
      this.#servers = this.#servers.map((one) => (one.id === event.server ? { ...one, weight: event.weight } : one));
    }
    if (event.op === "setScheduler") [this.#scheduler, this.#flags] = [event.scheduler, event.flags];
    if (event.op === "open" && picked !== null && picked !== undefined) this.#last.set(event.client.ip, picked);
  }

  addrOf(id: number | null): string {
    const server = this.#servers.find((one) => one.id === id)!;
    return formatSocketAddr({ ip: parseIp(server.address), port: server.port });
  }

  trace(open: Open, counts: readonly ServerCounts[]): PacketTrace {
    const { virtual, protocol } = this.#recording;
    const to = open.dst ?? ("address" in virtual ? { ip: virtual.address, port: virtual.port } : undefined)!;
    const dst = parseIp(to.ip);
    const { node } = assembleNode({
      addresses: [dst],
      servers: parseServers(this.#rules()),
      ipvsEntries: parseIpvsConnections(this.#table(counts, to)),
    });
    const mark = "fwmark" in virtual ? virtual.fwmark : 0;
    const client = { src: parseIp(open.client.ip), srcPort: open.client.port };
    return tracePacket(node, { proto: protocol === "udp" ? UDP : TCP, ...client, dst, dstPort: to.port, mark });
  }

  #place(): string {
    const { virtual, protocol, servers } = this.#recording;
    if ("fwmark" in virtual) return `-f ${virtual.fwmark}${servers[0]!.address.includes(":") ? " -6" : ""}`;
    return `${protocol === "udp" ? "-u" : "-t"} ${formatSocketAddr({ ip: parseIp(virtual.address), port: virtual.port })}`;
  }

  #rules(): string {
    const { persistence, onePacket } = this.#recording;
    const flags = this.#flags.length === 0 ? "" : ` -b ${this.#flags.join(",")}`;
    const mask = persistence?.netmask === undefined ? "" : ` -M ${persistence.netmask}`;
    const sticky = persistence === null ? "" : ` -p ${persistence.timeout}${mask}`;
    const head = `-A ${this.#place()} -s ${this.#scheduler}${flags}${sticky}${onePacket ? " -o" : ""}`;
    return [
      head,
      ...this.#servers.map(({ id, weight }) => `-a ${this.#place()} -r ${this.addrOf(id)} -m -w ${weight}`),
    ].join("\n");
  }

  /** As many connections of others as each server has, and the templates of all clients. */
  #table(counts: readonly ServerCounts[], to: { readonly ip: string; readonly port: number }): string {
    const { protocol, virtual, persistence } = this.#recording;
    const own = new Set(this.#servers.map(({ id }) => id));
    let port = 1024;
    const other = (): string =>
      to.ip.includes(":") ? `[2001:db8:ffff::1]:${(port += 1)}` : `198.18.0.1:${(port += 1)}`;
    const at = formatSocketAddr({ ip: parseIp(to.ip), port: to.port });
    const line = (id: number, state: string): string =>
      `${protocol.toUpperCase()} 01:00  ${protocol === "udp" ? "UDP" : state} ${other()} ${at} ${this.addrOf(id)}`;
    const connections = counts
      .filter(([id]) => own.has(id))
      .flatMap(([id, active, inactive]) =>
        Array.from({ length: active + inactive }, (_, n) => line(id, n < active ? "ESTABLISHED" : "TIME_WAIT")),
      );
    const marked = "fwmark" in virtual;
    const family = marked ? formatIp(parseIp(`0.0.0.${virtual.fwmark}`)) : "";
    const target = marked ? `${family}:0` : formatSocketAddr({ ip: parseIp(virtual.address), port: virtual.port });
    const templates = [...this.#last].map(([client, id]) => {
      const from = formatSocketAddr({ ip: parseIp(client), port: 0 });
      return `${marked ? "IP" : protocol.toUpperCase()} 04:00  NONE ${from} ${target} ${this.addrOf(id)}`;
    });
    return ["IPVS connection entries", "pro expire state source virtual destination", ...connections, ...templates]
      .slice(0, persistence === null ? 2 + connections.length : undefined)
      .join("\n");
  }
}

/** @returns how many connections had one possible end, and how many one of several. */
function assertTraced(recording: Recording): readonly [number, number] {
  const shown = new Shown(recording);
  let [exact, possible, picks] = [0, 0, 0];
  let counts: readonly ServerCounts[] | null = [];
  for (const [index, event] of recording.events.entries()) {
    const picked = event.op === "open" ? recording.picks[picks++] : undefined;
    // A wait lets templates end, and no count tells of them.
    if (event.op === "wait") break;
    if (event.op === "open" && counts !== null && picked !== undefined) {
      const { outcomes } = shown.trace(event, counts);
      const ends = outcomes.map(({ verdict, to }) => (verdict === "reject" ? "reject" : formatSocketAddr(to)));
      const wanted = picked === null ? "reject" : endOf(shown.addrOf(picked), event, recording);
      const place = `${recording.name}, event ${index}: ${ends.join(" or ")}, not ${wanted}`;
      if (known.has(shown.scheduler)) {
        assert.deepEqual(ends, [wanted], place);
        exact += 1;
      } else if (drawing.has(shown.scheduler)) {
        assert.ok(ends.includes(wanted), place);
        possible += 1;
      }
    }
    shown.pass(event, picked);
    counts = recording.counts[index] ?? null;
  }
  return [exact, possible];
}

/** A server of port 0 takes the client's. */
function endOf(addr: string, { dst }: Open, { virtual }: Recording): string {
  if (!addr.endsWith(":0")) return addr;
  const port = dst?.port ?? ("port" in virtual ? virtual.port : 0);
  return `${addr.slice(0, -1)}${port}`;
}

test("each connection goes where the kernel sent it, by the counts and the templates that a host shows", () => {
  const recordings = ipvsRecordings().filter(tellsAll);
  assert.ok(recordings.length > 120, `${recordings.length} recordings`);
  const all = recordings.filter((_, index) => index % runs(1, 6) === 0).map(assertTraced);
  const [exact, possible] = [0, 1].map((at) => all.reduce((sum, one) => sum + one[at]!, 0));
  console.log(`${all.length} recordings: ${exact} connections with one end, ${possible} with one of several`);
  assert.ok(exact! > runs(6000, 800) && possible! > runs(2000, 200), `${exact} ${possible}`);
});
