import { systemClock } from "../../core/clock.ts";
import { seededRandom } from "../../core/random.ts";
import type { Program } from "../../modes/program.ts";
import { formatSocketAddr, type SocketAddr } from "../../net/flow.ts";
import { familyOf, type Ip4 } from "../../net/ip.ts";
import type { Decision, Frontend, NodePlan } from "../dataplane.ts";
import type { DecisionState } from "../emulated/decider.ts";
import { prepareDecider } from "../emulated/prepare-decider.ts";
import { loopbackOf } from "./loopback.ts";

/** What a program does with a new flow from this host to a frontend; a userspace forward always takes it. */
export type VerdictOf = (frontend: Frontend) => Decision["verdict"];

/**
 * Asks a program about its frontends without leaving a trace: nothing is picked, counted or remembered.
 *
 * In the iptables mode each answer is a walk through the rules; in the others it is looked up.
 *
 * @throws {SluiceError} as `prepareDecider`.
 */
export function frontendVerdicts(program: Program, plan: NodePlan): VerdictOf {
  switch (program.mode) {
    case "iptables":
    case "nftables":
      return walked(program, plan);
    case "ipvs": {
      const servers = program.tables.flatMap(({ virtualServers }) => virtualServers);
      const usable = ({ weight }: { readonly weight: number }): boolean => weight > 0;
      return lookedUp(servers.map((one) => [one, one.servers.some(usable) ? "forward" : "reject"]));
    }
    case "userspace":
      return lookedUp(
        program.table.forwards.flatMap(({ proto, portals, nodePort, proxyPort }) => {
          const onNode = nodePort === 0 ? [] : [{ ip: ANY, port: nodePort }];
          const proxy = { ip: program.table.bindIp, port: proxyPort };
          // Without endpoints it still accepts, and then closes.
          return [...portals.map(({ addr }) => addr), ...onNode, proxy].map(
            (addr) => [{ proto, addr }, "forward"] as const,
          );
        }),
      );
  }
}

/** Where the node ports of the userspace mode stand: at all addresses of the node. */
const ANY = 0 as Ip4;
/** A flow's loopback source has no port that rules could look at. */
const ANY_PORT = 1;

function walked(program: Program, plan: NodePlan): VerdictOf {
  const state: DecisionState = {
    clock: systemClock,
    random: seededRandom(0),
    recent: { seen: () => false, remember() {} },
    pool: () => undefined,
  };
  const decider = prepareDecider(program, plan, state);
  return ({ proto, addr }) => {
    const src = loopbackOf(familyOf(addr.ip));
    return decider.decide({ proto, src, srcPort: ANY_PORT, dst: addr.ip, dstPort: addr.port }, 0).verdict;
  };
}

type Service = Pick<Frontend, "proto" | "addr">;

function lookedUp(services: readonly (readonly [Service, Decision["verdict"]])[]): VerdictOf {
  const verdicts = new Map(services.map(([service, verdict]) => [keyOf(service), verdict]));
  return (frontend) => verdicts.get(keyOf(frontend)) ?? "pass";
}

function keyOf({ proto, addr }: { readonly proto: number; readonly addr: SocketAddr }): string {
  return `${proto} ${formatSocketAddr(addr)}`;
}
