import { type BackendSet, listed } from "../../balancers/backend-set.ts";
import type { Clock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import { type Random, seededRandom } from "../../core/random.ts";
import type { Program } from "../../modes/program.ts";
import { type Flow, type SocketAddr, TCP } from "../../net/flow.ts";
import type { Dataplane, Decision } from "../dataplane.ts";
import { createConntrack, type KnownFlow } from "./conntrack.ts";
import type { Decider, Step, Watch } from "./decider.ts";
import {
  conntrackRules,
  type FlowRules,
  isOver,
  type PacketKind,
  type StateTimeouts,
  userspaceRules,
} from "./flow-states.ts";
import type { InterfaceOf } from "./ways.ts";
import { createIpvsNode } from "./ipvs/node.ts";
import { createNodeState } from "./node-state.ts";
import { plainDecision } from "./plain-decision.ts";
import { createPoolKeeper } from "./pools.ts";
import { prepareDecider } from "./prepare-decider.ts";
import { staleUdpFlows } from "./stale-udp.ts";

export interface EmulatedOptions {
  /** What probabilities and shuffles are drawn from. */
  readonly random: Random;
  /** What affinity and the time-outs of flows go by. */
  readonly clock: Clock;
  /** For rules that look at the incoming interface. @default nobody knows it: no such rule holds */
  readonly interfaceOf?: InterfaceOf;
  /** Time-outs of flows, in milliseconds, in place of the mode's own, as `sysctl` and `ipvsadm --set` change them. */
  readonly timeoutsMs?: Partial<StateTimeouts>;
}

/** A server of a pool and its connections. */
interface ServerLoad {
  readonly addr: SocketAddr;
  readonly weight: number;
  readonly active: number;
  readonly inactive: number;
}

/**
 * A node in memory: packets are decided by the program and its state, none is sent.
 *
 * Not emulated: ipsets, and so the iptables rules of the ipvs mode; interfaces, but for `interfaceOf`; the limit of
 * ICMP errors, so that every reject is heard; retries of the userspace proxy, since no endpoint ever fails here; the
 * handshake of SCTP; graceful removal of IPVS servers, which leave the list at once and keep their TCP connections.
 */
export interface Emulated extends Dataplane {
  /**
   * Lets a packet of a flow pass. The first one of a flow is decided; further ones go the way of the first, whatever
   * was applied since. A rejected or dropped packet leaves no flow behind.
   *
   * @param flow as the client sees it, also for packets of the server.
   * @param kind what it is; a packet that opens nothing and belongs to no known flow passes. @default "open"
   */
  packet(flow: Flow, kind?: PacketKind): Decision;
  /** Decides a flow as if it were new, and leaves everything as it is. @param random draws from it @default seed 0 */
  trace(flow: Flow, random?: Random): { readonly decision: Decision; readonly steps: readonly Step[] };
  /** The flows that are known now, the one opened longest ago first. */
  flows(): readonly KnownFlow[];
  /**
   * The servers of a pool in list order, as `ipvsadm -Ln` shows them.
   *
   * @param key `10.96.0.1:80/TCP`, or the name of a userspace forward.
   * @returns undefined when the program has no such pool.
   */
  servers(key: string): readonly ServerLoad[] | undefined;
}

interface InForce {
  readonly decider: Decider;
  readonly rules: FlowRules;
  /** A flow that no rule rewrites is known all the same, and stays as it is. */
  readonly keepsPassing: boolean;
}

/** What is left for the decider of a program whose virtual servers IPVS has. */
const noVirtualServers: Program = Object.freeze({ mode: "ipvs", tables: [] });

/** What becomes of a packet that is nobody's business. */
const unconcerned: Decision = Object.freeze({ verdict: "pass", steps: 0 });

/** Makes a node on which nothing is applied yet: every packet passes. */
export function createEmulated({ random, clock, interfaceOf, timeoutsMs }: EmulatedOptions): Emulated {
  const keeper = createPoolKeeper({ threads: 1, shared: false, random });
  const state = createNodeState(random, clock);
  const conntrack = createConntrack(clock);
  const ipvs = createIpvsNode({ random, clock }, timeoutsMs);
  let inForce: InForce | undefined;
  let closed = false;

  const decideAside = (flow: Flow, source: Random, watch?: Watch): Decision =>
    ipvs.trace(flow, source, watch) ??
    state.aside(source, () =>
      inForce === undefined ? unconcerned : plainDecision(inForce.decider.decide(flow, 0, watch)),
    );

  return {
    name: "emulated",
    async apply(program, plan) {
      if (closed) throw failed("it is closed");
      try {
        const useVirtualServers = ipvs.prepare(program);
        const rest = program.mode === "ipvs" ? noVirtualServers : program;
        const pools = keeper.prepare(rest);
        const decider = prepareDecider(rest, plan, state.decisions, interfaceOf);
        state.use(rest, pools);
        keeper.commit();
        useVirtualServers();
        const rules = program.mode === "userspace" ? userspaceRules(timeoutsMs) : conntrackRules(timeoutsMs);
        inForce = { decider, rules, keepsPassing: program.mode === "iptables" || program.mode === "nftables" };
      } catch (cause) {
        throw failed(cause instanceof Error ? cause.message : String(cause), cause);
      }
      conntrack.expire();
      const stale = staleUdpFlows(conntrack.flows(), program, (flow) => decideAside(flow, seededRandom(0)));
      for (const known of stale) conntrack.forget(known);
    },
    async close() {
      closed = true;
      inForce = undefined;
      for (const known of conntrack.flows()) conntrack.forget(known);
      ipvs.prepare(noVirtualServers)();
      ipvs.forgetAll();
    },
    packet(flow, kind = "open") {
      conntrack.expire();
      const known = conntrack.find(flow);
      const reopens = kind === "open" && known !== undefined && isOver(known.state);
      if (known !== undefined && !reopens) {
        conntrack.see(known, kind);
        return plainDecision(known.decision);
      }
      if (reopens) conntrack.forget(known);
      const byIpvs = ipvs.packet(flow, kind);
      if (byIpvs !== undefined) return byIpvs;
      const opens = kind === "open" || (kind === "request" && flow.proto !== TCP);
      if (!opens || inForce === undefined) return unconcerned;
      const decision = inForce.decider.decide(flow, 0);
      const kept = decision.verdict === "forward" || (decision.verdict === "pass" && inForce.keepsPassing);
      if (kept) conntrack.open(flow, decision, inForce.rules);
      return plainDecision(decision);
    },
    trace(flow, source = seededRandom(0)) {
      conntrack.expire();
      const steps: Step[] = [];
      const decision = decideAside(flow, source, { step: (step) => steps.push(step) });
      return { decision, steps };
    },
    flows() {
      conntrack.expire();
      return [...conntrack.flows(), ...ipvs.flows()].sort((a, b) => a.openedMs - b.openedMs);
    },
    servers(key) {
      conntrack.expire();
      const virtual = ipvs.servers(key);
      if (virtual !== undefined) return loadsOf(virtual.set, virtual.addrOf);
      const found = state.decisions.pool(key);
      return found && loadsOf(found.pool.set, (slot) => found.addrs[slot]!);
    },
  };
}

function loadsOf(set: BackendSet, addrOf: (slot: number) => SocketAddr): ServerLoad[] {
  const { weight, active, inactive } = set;
  return listed(set).map((slot) => ({
    addr: addrOf(slot),
    weight: weight[slot]!,
    active: active[slot]!,
    inactive: inactive[slot]!,
  }));
}

function failed(what: string, cause?: unknown): SluiceError<"DATAPLANE_FAILED"> {
  const details = { dataplane: "emulated", what };
  return new SluiceError("DATAPLANE_FAILED", `emulated: ${what}`, details, cause === undefined ? {} : { cause });
}
