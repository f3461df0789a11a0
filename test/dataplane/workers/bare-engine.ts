/** An engine in the test's own thread, whose routes the test decides. */
import { manualClock, systemClock } from "../../../src/core/clock.ts";
import { type ChosenEngine, chooseEngine, type EngineName } from "../../../src/dataplane/workers/choose-engine.ts";
import {
  type CounterName,
  createCounterMemory,
  sumCounters,
  viewTally,
} from "../../../src/dataplane/workers/counters.ts";
import type { Engine, FlowChange, ListenerSpec, NewFlow, Route } from "../../../src/dataplane/workers/engine.ts";
import { createNativeEngine } from "../../../src/dataplane/workers/native-engine/native-engine.ts";
import { createNodeEngine } from "../../../src/dataplane/workers/node-engine/node-engine.ts";
import { type ForwardingPolicy, policyOf } from "../../../src/dataplane/workers/policy.ts";
import { type SocketAddr, TCP } from "../../../src/net/flow.ts";
import { parseIp } from "../../../src/net/ip.ts";

export interface BareEngine extends Engine {
  /** Every flow that asked for a route, in order. */
  readonly asked: readonly NewFlow[];
  readonly changes: readonly FlowChange[];
  count(name: CounterName): number;
  /** Moves a manual clock on. */
  advance(ms: number): void;
  /** Opens a listener on loopback at a free port. */
  listen(given?: Partial<ListenerSpec>): Promise<SocketAddr>;
}

export interface BareEngineOptions {
  readonly policy?: Partial<ForwardingPolicy>;
  readonly maxUdpFlows?: number;
  /** Time stands still, but for `advance`. */
  readonly manual?: boolean;
}

const kernelPolicy = policyOf("iptables", { modern: false, udpIdleMs: undefined });
export const userspacePolicy = policyOf("userspace", { modern: false, udpIdleMs: undefined });

/** Makes engines of one kind. @param routeOf where a flow goes; an address stands for forwarding to it. */
export type MakeEngine = (routeOf: (flow: NewFlow) => Route | SocketAddr, options?: BareEngineOptions) => BareEngine;

/** An engine of each kind that this host has; and why it does not have one. */
export function enginesHere(): readonly { readonly name: EngineName; readonly make: MakeEngine | string }[] {
  return (["node", "native"] as const).map((name) => {
    try {
      const chosen = chooseEngine(name);
      return { name, make: (routeOf, options) => bareEngine(chosen, routeOf, options) };
    } catch (error) {
      return { name, make: (error as Error).message };
    }
  });
}

function bareEngine(
  chosen: ChosenEngine,
  routeOf: (flow: NewFlow) => Route | SocketAddr,
  { policy = {}, maxUdpFlows = 100, manual = false }: BareEngineOptions = {},
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
  const clock = manualClock();
  const clockMs = new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT));
  const common = { policy: { ...kernelPolicy, ...policy }, backlog: 4096, maxUdpFlows };
  const engine =
    chosen.name === "node"
      ? createNodeEngine(router, { ...common, clock: manual ? clock : systemClock, tally: viewTally(memory) })
      : createNativeEngine(chosen.addon, router, { ...common, counters: memory, ...(manual ? { clockMs } : {}) });
  let id = 0;
  return {
    ...engine,
    asked,
    changes,
    advance(ms) {
      clock.advance(ms);
      clockMs[0] = clock.nowMs();
    },
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
