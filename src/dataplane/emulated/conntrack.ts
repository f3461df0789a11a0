import type { Clock } from "../../core/clock.ts";
import type { Flow } from "../../net/flow.ts";
import type { FlowDecision } from "./decider.ts";
import { flowKey } from "./flow-key.ts";
import { type FlowRules, type FlowState, isActive, type PacketKind } from "./flow-states.ts";
import { Timers } from "./timers.ts";

/** A flow that was decided, and will be sent on as it was decided. */
export interface KnownFlow {
  readonly flow: Flow;
  readonly decision: FlowDecision;
  readonly state: FlowState;
  readonly openedMs: number;
  /** When it is forgotten unless another packet comes, in the clock's milliseconds. */
  readonly expiresMs: number;
}

/** Follows flows, and says so to the pool that counts them: inactive at the first FIN or RST, forgotten at the end. */
export interface Conntrack {
  find(flow: Flow): KnownFlow | undefined;
  /** Keeps a flow whose first packet was decided. @param rules how it is followed from now on. */
  open(flow: Flow, decision: FlowDecision, rules: FlowRules): void;
  /** A further packet of a known flow. */
  see(known: KnownFlow, packet: PacketKind): void;
  forget(known: KnownFlow): void;
  /** Forgets every flow whose time is over. O(flows forgotten). */
  expire(): void;
  /** All flows, the one opened longest ago first. */
  flows(): readonly KnownFlow[];
}

interface Tracked extends KnownFlow {
  readonly rules: FlowRules;
  state: FlowState;
  replied: boolean;
  expiresMs: number;
}

/** Makes an empty table. Finding, opening and seeing are O(1). */
export function createConntrack(clock: Clock): Conntrack {
  const byKey = new Map<string, Tracked>();
  const timers = new Timers<Tracked>();

  const enter = (tracked: Tracked, state: FlowState): void => {
    timers.arm(tracked, clock.nowMs(), tracked.rules.timeouts[state]);
    tracked.state = state;
    tracked.expiresMs = timers.endOf(tracked);
  };
  const forget = (tracked: Tracked): void => {
    timers.disarm(tracked);
    if (byKey.get(flowKey(tracked.flow)) !== tracked) return;
    byKey.delete(flowKey(tracked.flow));
    if (isActive(tracked.state)) wentInactive(tracked);
    if (tracked.decision.verdict !== "forward") return;
    tracked.decision.counted?.pool.forgotten(tracked.decision.counted.slot);
  };

  return {
    find: (flow) => byKey.get(flowKey(flow)),
    open(flow, decision, rules) {
      const state = rules.first(flow.proto);
      const openedMs = clock.nowMs();
      const tracked: Tracked = { flow, decision, rules, openedMs, state, replied: false, expiresMs: openedMs };
      byKey.set(flowKey(flow), tracked);
      enter(tracked, state);
    },
    see(known, packet) {
      const tracked = known as Tracked;
      const { state, rules, replied, openedMs } = tracked;
      const next = rules.next(state, packet, { replied, ageMs: clock.nowMs() - openedMs });
      if (packet === "reply") tracked.replied = true;
      if (next === undefined) {
        forget(tracked);
        return;
      }
      if (isActive(state) && !isActive(next)) wentInactive(tracked);
      enter(tracked, next);
    },
    forget: (known) => forget(known as Tracked),
    expire() {
      const nowMs = clock.nowMs();
      for (let over = timers.due(nowMs); over !== undefined; over = timers.due(nowMs)) forget(over);
    },
    flows: () => [...byKey.values()],
  };
}

function wentInactive({ decision }: KnownFlow): void {
  if (decision.verdict === "forward") decision.counted?.pool.wentInactive(decision.counted.slot);
}
