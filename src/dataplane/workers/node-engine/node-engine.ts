import type { Clock } from "../../../core/clock.ts";
import { TCP } from "../../../net/flow.ts";
import type { Tally } from "../counters.ts";
import type { Engine, FlowRouter, ListenerResult, ListenerSpec } from "../engine.ts";
import type { EngineParts, OpenListener } from "./parts.ts";
import { peerAddr } from "./peer-addr.ts";
import type { ForwardingPolicy } from "../policy.ts";
import { createSlots } from "./slots.ts";
import { createTcpService } from "./tcp-service.ts";
import { createTurn } from "./turn.ts";
import { createUdpService } from "./udp-service.ts";

export interface NodeEngineOptions {
  readonly clock: Clock;
  readonly tally: Tally;
  /** For the flows that come before the first `use`. */
  readonly policy: ForwardingPolicy;
  readonly backlog: number;
  /** UDP flows at a time. */
  readonly maxUdpFlows: number;
}

/** The engine on Node's own sockets: `net` and `dgram`. Runs wherever Node does. */
export function createNodeEngine(router: FlowRouter, options: NodeEngineOptions): Engine {
  let policy = options.policy;
  const turn = createTurn(router);
  const parts: EngineParts = {
    turn,
    tally: options.tally,
    slots: createSlots(),
    clock: options.clock,
    policy: () => policy,
  };
  const tcp = createTcpService(parts, options.backlog);
  const udp = createUdpService(parts, options.maxUdpFlows);
  const listeners = new Map<number, OpenListener>();

  const openOne = async (spec: ListenerSpec): Promise<ListenerResult> => {
    const service = spec.proto === TCP ? tcp : udp;
    try {
      if (spec.reusePort && spec.first && spec.at.port !== 0)
        (await service.listen({ ...spec, reusePort: false })).close();
      const listener = await service.listen(spec);
      listeners.set(spec.id, listener);
      return { id: spec.id, bound: peerAddr(listener.bound.address, listener.bound.port)! };
    } catch (error) {
      return { id: spec.id, failure: (error as Error).message };
    }
  };
  const close = (ids: Iterable<number>): void => {
    for (const id of ids) {
      listeners.get(id)?.close();
      listeners.delete(id);
    }
  };

  return {
    open: (specs) => Promise.all(specs.map(openOne)),
    close,
    use(next) {
      policy = next;
    },
    hold: () => turn.hold(),
    release: () => turn.release(),
    expire(slots) {
      for (const slot of slots) udp.end(slot);
    },
    async drain(deadlineMs) {
      close([...listeners.keys()]);
      let timer: NodeJS.Timeout | undefined;
      const deadline = new Promise<void>((resolve) => (timer = setTimeout(resolve, deadlineMs)));
      await Promise.race([tcp.quiet(), deadline]);
      clearTimeout(timer);
      return tcp.resetAll();
    },
    stop() {
      close([...listeners.keys()]);
      tcp.resetAll();
      udp.stop();
    },
  };
}
