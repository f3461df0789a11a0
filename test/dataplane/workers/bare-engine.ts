/** An engine in the test's own thread, whose routes the test decides. */
import { type Clock, systemClock } from "../../../src/core/clock.ts";
import {
  type CounterName,
  createCounterMemory,
  sumCounters,
  viewTally,
} from "../../../src/dataplane/workers/counters.ts";
import type { Engine, FlowChange, ListenerSpec, NewFlow, Route } from "../../../src/dataplane/workers/engine.ts";
import { createNodeEngine } from "../../../src/dataplane/workers/node-engine/node-engine.ts";
import { type ForwardingPolicy, policyOf } from "../../../src/dataplane/workers/policy.ts";
import { type SocketAddr, TCP } from "../../../src/net/flow.ts";
import { parseIp } from "../../../src/net/ip.ts";

export interface BareEngine extends Engine {
  /** Every flow that asked for a route, in order. */
  readonly asked: readonly NewFlow[];
  readonly changes: readonly FlowChange[];
  count(name: CounterName): number;
  /** Opens a listener on loopback at a free port. */
  listen(given?: Partial<ListenerSpec>): Promise<SocketAddr>;
}

export interface BareEngineOptions {
  readonly policy?: Partial<ForwardingPolicy>;
  readonly maxUdpFlows?: number;
  readonly clock?: Clock;
}

const kernelPolicy = policyOf("iptables", { modern: false, udpIdleMs: undefined });
export const userspacePolicy = policyOf("userspace", { modern: false, udpIdleMs: undefined });

/** @param routeOf where a flow goes; an address stands for forwarding to it. */
export function bareEngine(
  routeOf: (flow: NewFlow) => Route | SocketAddr,
  { policy = {}, maxUdpFlows = 100, clock = systemClock }: BareEngineOptions = {},
): BareEngine {
  const asked: NewFlow[] = [];
  const changes: FlowChange[] = [];
  const memory = createCounterMemory();
  const toRoute = (flow: NewFlow): Route => {
    asked.push(flow);
    const route = routeOf(flow);
    return "kind" in route ? route : { kind: "forward", to: route };
  };
  const router = {
    changed: (batch: readonly FlowChange[]) => void changes.push(...batch),
    route: (flows: readonly NewFlow[]) => flows.map(toRoute),
  };
  const engine = createNodeEngine(router, {
    clock,
    tally: viewTally(memory),
    policy: { ...kernelPolicy, ...policy },
    backlog: 4096,
    maxUdpFlows,
  });
  let id = 0;
  return {
    ...engine,
    asked,
    changes,
    count: (name) => sumCounters([memory])[name],
    async listen(given = {}) {
      const at = { ip: parseIp("127.0.0.1"), port: 0 };
      const spec = { id: id++, proto: TCP, at, reusePort: false, first: true, group: "default/web", ...given } as const;
      const [result] = await engine.open([spec]);
      if (result === undefined || "failure" in result) throw new Error(`not listening: ${JSON.stringify(result)}`);
      return result.bound;
    },
  };
}
