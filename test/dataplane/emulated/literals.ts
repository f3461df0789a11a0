/** Programs, plans and flows by literal, and what becomes of a flow as a line of text. */
import { type ManualClock, manualClock } from "../../../src/core/clock.ts";
import { type Random, seededRandom } from "../../../src/core/random.ts";
import type { Decision, NodePlan } from "../../../src/dataplane/dataplane.ts";
import { createEmulated, type Emulated, type EmulatedOptions } from "../../../src/dataplane/emulated/emulated.ts";
import type { Match, Rule, TableName, Target } from "../../../src/modes/iptables/ruleset.ts";
import type { TracedDecision } from "../../../src/explain/outcomes.ts";
import type { VirtualServer } from "../../../src/modes/ipvs/tables.ts";
import type { Program } from "../../../src/modes/program.ts";
import type { Forward } from "../../../src/modes/userspace/forward-table.ts";
import { type Flow, formatSocketAddr, type Protocol, type SocketAddr, TCP } from "../../../src/net/flow.ts";
import { type Family, parseIp } from "../../../src/net/ip.ts";
import { parseSocketAddr } from "../../../src/net/parse-socket-addr.ts";

/** A node with these addresses; 192.168.10.5 unless told. */
export function plan(...addresses: readonly string[]): NodePlan {
  const nodeAddresses = (addresses.length === 0 ? ["192.168.10.5"] : addresses).map((ip) => parseIp(ip));
  return { nodeAddresses, frontends: [] };
}

export function addr(text: string): SocketAddr {
  return parseSocketAddr(text, "test");
}

/** A flow from `ip[:port]`, port 40000 unless told, to `ip:port`. */
export function flow(from: string, to: string, proto: Protocol = TCP): Flow {
  const source = parseSocketAddr(from, "test", 40_000);
  const { ip: dst, port: dstPort } = addr(to);
  return { proto, src: source.ip, srcPort: source.port, dst, dstPort };
}

/** `10.0.0.1:80`, `10.0.0.1:80 m` where the source is masqueraded, or the verdict. */
export function said(decision: Decision | TracedDecision): string {
  if (decision.verdict !== "forward") return decision.verdict;
  return `${formatSocketAddr(decision.to)}${decision.masquerade ? " m" : ""}`;
}

export function rule(target: Target | undefined, ...matches: readonly Match[]): Rule {
  return target === undefined ? { matches } : { matches, target };
}

export function dnat(to: string): Target {
  return { kind: "dnat", to: addr(to) };
}

const builtIn = new Set(["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]);

/** Chains by `table/CHAIN`; the kernel's own have policy ACCEPT, unless `drops` names them. */
export function iptables(
  chains: Readonly<Record<string, readonly Rule[]>>,
  { family = 4, drops = [] }: { readonly family?: Family; readonly drops?: readonly string[] } = {},
): Program {
  const tables = (["raw", "mangle", "nat", "filter"] as const satisfies TableName[]).map((name) => ({
    name,
    chains: Object.entries(chains)
      .filter(([path]) => path.startsWith(`${name}/`))
      .map(([path, rules]) => {
        const own = path.slice(name.length + 1);
        const policy = drops.includes(path) ? "DROP" : "ACCEPT";
        return builtIn.has(own) ? ({ name: own, policy, rules } as const) : { name: own, rules };
      }),
  }));
  return { mode: "iptables", rulesets: [{ family, tables }] };
}

/** Virtual servers at `ip:port`, each with servers of weight 1 unless told (`10.0.0.1:80 3`). */
export function ipvs(
  servers: Readonly<Record<string, readonly string[]>>,
  options: Partial<Pick<VirtualServer, "proto" | "scheduler" | "persistenceSeconds">> = {},
): Program {
  const { proto = TCP, scheduler = "rr", persistenceSeconds = 0 } = options;
  const virtualServers = Object.entries(servers).map(([at, behind]): VirtualServer => ({
    addr: addr(at),
    proto,
    scheduler,
    flags: [],
    persistenceSeconds,
    servers: behind.map((text) => {
      const [endpoint, weight = "1"] = text.split(" ");
      return { addr: addr(endpoint!), weight: Number(weight) };
    }),
    servicePort: "default/web:http",
  }));
  return { mode: "ipvs", tables: [{ family: 4, virtualServers }] };
}

/** Forwards of cluster IPs at `ip:port`, named `default/0`, `default/1`, … */
export function userspace(
  endpoints: Readonly<Record<string, readonly string[]>>,
  { proto = TCP, affinitySeconds = 0 }: Partial<Pick<Forward, "proto" | "affinitySeconds">> = {},
): Program {
  const forwards = Object.entries(endpoints).map(([at, behind], index): Forward => ({
    name: `default/${index}`,
    proto,
    proxyPort: 11_000 + index,
    portals: [{ kind: "cluster-ip", addr: addr(at) }],
    nodePort: 0,
    affinitySeconds,
    endpoints: behind.map(addr),
  }));
  const table = { forwards, claims: [], bindIp: parseIp("0.0.0.0"), hostIp: parseIp("192.168.10.5") };
  return { mode: "userspace", table };
}

export interface Node extends Emulated {
  readonly clock: ManualClock;
  /** Opens a new flow from this client, each time from another port, and says what became of it. */
  open(from: string, to: string, proto?: Protocol): string;
}

/** An emulated node with a manual clock, on which the program is applied. */
export async function nodeWith(
  program: Program,
  { random = seededRandom(1), nodePlan = plan(), ...options }: Partial<EmulatedOptions> & { nodePlan?: NodePlan } = {},
): Promise<Node> {
  const clock = manualClock();
  const emulated = createEmulated({ random, clock, ...options });
  await emulated.apply(program, nodePlan);
  let port = 1024;
  return Object.assign(emulated, {
    clock,
    open(from: string, to: string, proto: Protocol = TCP) {
      port += 1;
      const ip = from.includes(":") ? `[${from}]` : from;
      return said(emulated.packet(flow(`${ip}:${port}`, to, proto)));
    },
  });
}

/** A random source that gives these numbers in turn and then the last one again and again. */
export function scriptedRandom(...numbers: readonly number[]): Random {
  let at = 0;
  return {
    u32() {
      at += 1;
      return numbers[Math.min(at, numbers.length) - 1]!;
    },
    below: () => 0,
  };
}
