import type { FlowChange, FlowRouter, NewFlow, Route } from "../engine.ts";

/** Gathers what happens in one turn of the event loop, and hands it to the router in one batch. */
export interface Turn {
  /** @param routed is told where the flow goes, in a later turn. */
  ask(flow: NewFlow, routed: (route: Route) => void): void;
  tell(slot: number, became: FlowChange["became"]): void;
  /** From here to `release` new flows wait; changes do not. */
  hold(): void;
  release(): void;
}

export function createTurn(router: FlowRouter): Turn {
  let flows: NewFlow[] = [];
  let waiting: ((route: Route) => void)[] = [];
  let changes: FlowChange[] = [];
  let held = false;
  let scheduled = false;

  // setImmediate runs when every socket that was ready in this turn has been read.
  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(handOver);
  };
  const handOver = (): void => {
    scheduled = false;
    if (changes.length > 0) {
      const batch = changes;
      changes = [];
      router.changed(batch);
    }
    if (held || flows.length === 0) return;
    const [batch, routed] = [flows, waiting];
    flows = [];
    waiting = [];
    const routes = router.route(batch);
    for (const [at, route] of routes.entries()) routed[at]!(route);
  };

  return {
    ask(flow, routed) {
      flows.push(flow);
      waiting.push(routed);
      schedule();
    },
    tell(slot, became) {
      changes.push({ slot, became });
      schedule();
    },
    hold() {
      held = true;
    },
    release() {
      held = false;
      schedule();
    },
  };
}
