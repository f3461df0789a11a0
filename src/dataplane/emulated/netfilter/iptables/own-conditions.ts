import { assertNever } from "../../../../core/errors.ts";
import type { OwnMatch } from "../../../../modes/iptables/ruleset.ts";
import { inCidr } from "../../../../net/cidr.ts";
import { chance, yesOrNo } from "../choices.ts";
import { fraction } from "../fraction.ts";
import { type ConditionContext, acting, inverted, looking, type PreparedCondition, unknowable } from "./condition.ts";
import { portHolds, stateHolds } from "./packet-conditions.ts";

/** Makes one of the conditions ready that kube-proxy's rules have. */
export function prepareOwnCondition(match: OwnMatch, context: ConditionContext): PreparedCondition {
  const plain = plainCondition(match, context);
  return "not" in match && match.not === true ? inverted(plain) : plain;
}

function plainCondition(match: OwnMatch, { sets }: ConditionContext): PreparedCondition {
  switch (match.kind) {
    case "source":
      return looking(({ packet }) => inCidr(packet.src, match.range));
    case "destination":
      return looking(({ packet }) => inCidr(packet.dst, match.range));
    case "in-interface":
      return looking(interfaceTest(match.name, "inInterface"));
    case "out-interface":
      return looking(interfaceTest(match.name, "outInterface"));
    case "protocol":
    case "protocol-module":
      return looking(({ packet }) => packet.proto === match.proto);
    case "destination-port":
      return looking(({ packet }) => {
        return (
          packet.proto === match.proto && portHolds(packet, "destination", [{ first: match.port, last: match.port }])
        );
      }, "the port was chosen by chance");
    case "comment":
    case "nfacct":
      return looking(() => true);
    case "mark":
      return looking(({ packet }) => ((packet.mark & match.mask) ^ match.value) === 0);
    case "conntrack-state":
    case "state":
      return looking(({ packet }) => stateHolds(packet, match.states));
    case "source-type":
      return looking(({ packet, routing }) => routing.isLocal(packet.src));
    case "destination-type":
      return looking(({ packet, routing }) => routing.isLocal(packet.dst));
    case "statistic-random": {
      const chances = yesOrNo(fraction(match.threshold, 2 ** 31));
      return acting((walk) => walk.draw(chances) === 0);
    }
    case "recent-set":
      return acting(({ remembered }) => {
        remembered.add(match.list);
        return true;
      });
    case "recent-check":
      return looking(({ assumptions, remembered }) => {
        if (remembered.has(match.list)) return true;
        assumptions.add(`no address is remembered yet in the list ${match.list} of -m recent`);
        return false;
      });
    case "set": {
      const test = sets?.get(match.set);
      if (test === undefined) return unknowable(`the set ${match.set} was not given`);
      return looking(
        ({ packet }) => test(packet, match.dimensions),
        `what the set ${match.set} tells entries apart by`,
      );
    }
    case "physdev-is-in":
      return looking(({ assumptions }) => {
        assumptions.add(NO_BRIDGE);
        return false;
      });
    case "ipvs":
      return looking(({ servedBy, packet }) => {
        const isThat = servedBy !== undefined && servedBy.port === match.port && packet.proto === match.proto;
        return isThat && inCidr(servedBy.ip, match.vaddr);
      });
    default:
      return assertNever(match);
  }
}

/** What conditions on ports of bridges take for granted. */
export const NO_BRIDGE = "packets do not come by a port of a bridge that calls iptables (br_netfilter)";

/** A trailing `+` matches any rest. */
function interfaceTest(name: string, which: "inInterface" | "outInterface"): PreparedCondition["holds"] {
  if (!name.endsWith("+")) return ({ packet }) => packet[which] === name;
  const prefix = name.slice(0, -1);
  return ({ packet }) => packet[which].startsWith(prefix);
}

/** Every n-th packet, where nobody knows how many there were. */
export function everyNth(every: number): PreparedCondition {
  const one = fraction(1, every);
  const chances = [chance(one), chance(fraction(every - 1, every))];
  return acting((walk) => {
    walk.assumptions.add("where counting rules (-m statistic --mode nth) stand is unknown: any place is as likely");
    return walk.draw(chances) === 0;
  });
}
