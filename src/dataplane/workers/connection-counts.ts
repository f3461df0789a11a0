import type { BackendPool } from "../emulated/backend-pool.ts";
import type { FlowChange } from "./engine.ts";
import type { Linger } from "./linger.ts";

/** IPVS's time-outs of the states in which a connection is over: CLOSE after a RST, TIME_WAIT after two FINs. */
const OVER_MS = Object.freeze({ reset: 10_000, closed: 120_000 });

/** Where a pool counts a flow: what a decision says. */
interface Counted {
  readonly pool: BackendPool;
  readonly slot: number;
}

/** Tells pools what becomes of the flows that they count. */
export interface ConnectionCounts {
  /**
   * A flow was decided, and its pool counts it as open.
   *
   * @param slot the engine's.
   * @param lingers as in IPVS it is counted as inactive for a while after its end.
   */
  opened(slot: number, counted: Counted, lingers: boolean): void;
  /** Nothing happens for a flow that is not counted. */
  changed(change: FlowChange): void;
}

export function createConnectionCounts(linger: Linger): ConnectionCounts {
  const open: (Open | undefined)[] = [];
  return {
    opened(slot, { pool, slot: counted }, lingers) {
      // Each field by its name: V8 gives what a spread makes a hidden class of its own, each time.
      open[slot] = { pool, slot: counted, lingers, inactive: false };
    },
    changed({ slot, became }) {
      const flow = open[slot];
      if (flow === undefined) return;
      if (became === "closing") return goInactive(flow);
      open[slot] = undefined;
      if (became === "expired") return flow.pool.forgotten(flow.slot);
      goInactive(flow);
      if (flow.lingers) linger.add(flow.pool, flow.slot, OVER_MS[became]);
      else flow.pool.forgotten(flow.slot);
    },
  };
}

interface Open extends Counted {
  readonly lingers: boolean;
  inactive: boolean;
}

function goInactive(flow: Open): void {
  if (flow.inactive) return;
  flow.inactive = true;
  flow.pool.wentInactive(flow.slot);
}
