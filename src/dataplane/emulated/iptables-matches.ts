import { assertNever } from "../../core/errors.ts";
import { isForeignMatch } from "../../modes/iptables/foreign-matches.ts";
import type { ConntrackState, Match, OwnMatch } from "../../modes/iptables/ruleset.ts";
import { inCidr } from "../../net/cidr.ts";
import type { Ip } from "../../net/ip.ts";
import type { DecisionState } from "./decider.ts";
import { notEmulated } from "./not-emulated.ts";
import type { Packet } from "./packet.ts";

/** Whether a condition holds; may change lists of `-m recent`, or draw. */
export type Test = (packet: Packet) => boolean;

/** What conditions are decided by, besides the packet. */
export interface MatchContext {
  readonly state: DecisionState;
  /** Whether an address is the node's own. */
  isLocal(ip: Ip): boolean;
  /** The longest that any rule looks back in a list of `-m recent`, in seconds; 0: none does. */
  lookBackSeconds(list: string): number;
}

/**
 * Makes one condition ready. A packet that walks here is the first of its flow, comes in by no bridge, is no business
 * of IPVS, and leaves by an interface that nobody knows.
 *
 * @throws {SluiceError} DATAPLANE_FAILED for a set: as in the kernel, a rule cannot name one that does not exist, and
 *   none is emulated; and for what kube-proxy's rules do not have.
 */
export function prepareMatch(match: Match, context: MatchContext): Test {
  if (isForeignMatch(match)) throw notEmulated(match.kind === "unknown" ? match.text : match.kind);
  const invert = "not" in match && match.not === true;
  const test = plainTest(match, context);
  return invert ? (packet) => !test(packet) : test;
}

function plainTest(match: OwnMatch, { state, isLocal, lookBackSeconds }: MatchContext): Test {
  switch (match.kind) {
    case "source":
      return ({ src }) => inCidr(src, match.range);
    case "destination":
      return ({ dst }) => inCidr(dst, match.range);
    case "in-interface":
      return interfaceTest(match.name, ({ inInterface }) => inInterface);
    case "out-interface":
      return interfaceTest(match.name, () => "");
    case "protocol":
    case "protocol-module":
      return ({ proto }) => proto === match.proto;
    case "destination-port":
      return ({ proto, dstPort }) => proto === match.proto && dstPort === match.port;
    case "comment":
    case "nfacct":
      return () => true;
    case "mark":
      return ({ mark }) => ((mark & match.mask) ^ match.value) === 0;
    case "conntrack-state":
      return conntrackTest(match.states);
    case "state":
      return constant(match.states.includes("NEW"));
    case "source-type":
      return ({ src }) => isLocal(src);
    case "destination-type":
      return ({ dst }) => isLocal(dst);
    case "statistic-random": {
      const probability = match.threshold / 2 ** 31;
      return ({ watch }) => {
        watch?.drawing?.(probability);
        return (state.random.u32() & 0x7fff_ffff) < match.threshold;
      };
    }
    case "recent-set": {
      const seconds = lookBackSeconds(match.list);
      return ({ src, nowMs }) => {
        state.recent.remember(match.list, src, nowMs, seconds);
        return true;
      };
    }
    case "recent-check":
      return ({ src, nowMs }) => state.recent.seen(match.list, src, nowMs, match.seconds);
    case "physdev-is-in":
    case "ipvs":
      return constant(false);
    case "set":
      throw notEmulated(`set ${match.set}: an ipset`);
    default:
      return assertNever(match);
  }
}

function constant(holds: boolean): Test {
  return () => holds;
}

function interfaceTest(name: string, of: (packet: Packet) => string): Test {
  if (!name.endsWith("+")) return (packet) => of(packet) === name;
  const prefix = name.slice(0, -1);
  return (packet) => of(packet).startsWith(prefix);
}

/** A first packet is NEW; DNAT and SNAT come on top, once the flow was rewritten. */
function conntrackTest(states: readonly ConntrackState[]): Test {
  if (states.includes("NEW")) return constant(true);
  const [dnat, snat] = [states.includes("DNAT"), states.includes("SNAT")];
  return (packet) => (dnat && packet.dnat) || (snat && packet.snat);
}
