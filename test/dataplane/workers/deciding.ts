/** Decides flows as a worker does, in memory that others may share, step by step. */
import type { Lock } from "../../../src/core/lock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { createPoolViews } from "../../../src/dataplane/emulated/pool-views.ts";
import { createDecisions, type Table } from "../../../src/dataplane/workers/decide.ts";
import type { FlowChange } from "../../../src/dataplane/workers/engine.ts";
import { viewRecentLists } from "../../../src/dataplane/workers/recent-lists.ts";
import { formatSocketAddr } from "../../../src/net/flow.ts";
import type { Ip4 } from "../../../src/net/ip.ts";
import type { Applied } from "./services.ts";

/** Memory, and what is decided in it. */
export interface Shared {
  readonly applied: Applied;
  readonly table: Table;
  readonly recent: SharedArrayBuffer;
}

/** Something that one thread is asked or told, with the time that it is given. */
export interface Step {
  readonly nowMs: number;
  /** The flow's. */
  readonly slot: number;
  /** Whose new flow it is. */
  readonly client?: number;
  /** Or what an open one becomes. */
  readonly became?: FlowChange["became"];
}

/** @returns carries out a step, and says where a new flow goes. */
export function deciding(shared: Shared, seat: number, lockOf: (memory: ArrayBufferLike) => Lock) {
  const { table, recent } = shared;
  let nowMs = 0;
  const random = seededRandom(seat + 1);
  const decisions = createDecisions({
    clock: { nowMs: () => nowMs },
    random,
    pools: createPoolViews({ thread: seat, random, lockOf }),
    recent: viewRecentLists(recent),
    recentLock: lockOf(recent),
    mapEndpoint: (endpoint) => endpoint,
  });
  decisions.prepare(...shared.applied);
  decisions.use(table);
  const [listener] = [...table.frontends.keys()];
  return (step: Step): string => {
    nowMs = step.nowMs;
    const { slot, client, became } = step;
    if (became !== undefined) decisions.changed([{ slot, became }]);
    if (client === undefined) return "";
    const from = { ip: (0x0a00_0000 + client) as Ip4, port: 1024 };
    const [route] = decisions.route([{ slot, listener: listener!, client: from, attempt: 0 }]);
    return route!.kind === "forward" ? formatSocketAddr(route!.to) : route!.kind;
  };
}
