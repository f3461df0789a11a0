import { type BackendSet } from "../../../balancers/backend-set.ts";
import type { Random } from "../../../core/random.ts";
import type { Program } from "../../../modes/program.ts";
import type { Flow, SocketAddr } from "../../../net/flow.ts";
import type { Decision } from "../../dataplane.ts";
import type { KnownFlow } from "../conntrack.ts";
import type { FlowDecision, Watch } from "../decider.ts";
import type { PacketKind } from "../flow-states.ts";
import { Ipvs, type IpvsConnection, type IpvsSources } from "./ipvs.ts";
import type { IpvsTimeouts } from "./states.ts";
import { VirtualServers } from "./virtual-servers.ts";

/** The IPVS of an emulated node, set as kube-proxy sets it. */
export interface IpvsNode {
  /**
   * Reads the virtual servers of a program, which has none in the other modes; changes nothing.
   *
   * @returns what puts them into force.
   * @throws {SluiceError} BALANCER_INVALID for a scheduler or a flag that there is not.
   */
  prepare(program: Program): () => void;
  /** @returns undefined for a packet that is neither of a connection nor for a virtual server. */
  packet(flow: Flow, kind: PacketKind): Decision | undefined;
  /** Decides a flow as if it were new, and leaves everything as it is. @returns undefined if it is for no virtual server. */
  trace(flow: Flow, random: Random, watch: Watch | undefined): Decision | undefined;
  flows(): readonly KnownFlow[];
  /** The servers of a virtual server. @param key `10.96.0.1:80/TCP`. */
  servers(key: string): { readonly set: BackendSet; addrOf(slot: number): SocketAddr } | undefined;
  forgetAll(): void;
}

/** Looking up the destination is the one step: what the scheduler looks at is not counted. */
const STEPS = 1;

/** Makes a node without virtual servers. @param timeoutsMs in place of the kernel's own. */
export function createIpvsNode(sources: IpvsSources, timeoutsMs: Partial<IpvsTimeouts> = {}): IpvsNode {
  const sysctls = { expireNodestConn: true, expireQuiescentTemplate: true };
  const ipvs = new Ipvs(sources, { timeoutsMs, sysctls, gracefulRemoval: true });
  const virtualServers = new VirtualServers(ipvs);

  const known = (connection: IpvsConnection): KnownFlow => {
    const { flow, state, openedMs, server } = connection;
    return { flow, state, openedMs, expiresMs: ipvs.endOf(connection), decision: forwardTo(server.addr) };
  };
  return {
    prepare: (program) => virtualServers.prepare(program.mode === "ipvs" ? program.tables : []),
    packet(flow, kind) {
      const outcome = ipvs.packet(flow, kind, virtualServers.find(flow));
      if (outcome.verdict === "forward") return forwardTo(outcome.server.addr);
      return outcome.verdict === "pass" ? undefined : { verdict: outcome.verdict, steps: STEPS };
    },
    trace(flow, random, watch) {
      const traced = virtualServers.trace(flow, random, watch);
      return traced && (traced.to === undefined ? { verdict: "reject", steps: STEPS } : forwardTo(traced.to));
    },
    flows: () => ipvs.connections().map(known),
    servers(key) {
      ipvs.expire();
      const servers = virtualServers.get(key)?.servers;
      return servers && { set: servers.set, addrOf: (slot) => servers.at(slot).addr };
    },
    forgetAll() {
      for (const connection of ipvs.connections()) ipvs.forget(connection);
    },
  };
}

function forwardTo(to: SocketAddr): FlowDecision & { readonly verdict: "forward" } {
  return { verdict: "forward", to, masquerade: false, steps: STEPS };
}
