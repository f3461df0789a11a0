import type { Clock } from "../../core/clock.ts";
import type { Lock } from "../../core/lock.ts";
import type { Random } from "../../core/random.ts";
import type { Program } from "../../modes/program.ts";
import { type Flow, formatSocketAddr, type SocketAddr, UDP } from "../../net/flow.ts";
import type { Frontend, NodePlan } from "../dataplane.ts";
import type { Decider, DecisionState, FlowDecision } from "../emulated/decider.ts";
import type { PoolViews } from "../emulated/pool-views.ts";
import type { PoolEntry } from "../emulated/pools.ts";
import { prepareDecider } from "../emulated/prepare-decider.ts";
import { createConnectionCounts } from "./connection-counts.ts";
import type { MapEndpoint } from "./endpoint-map.ts";
import type { FlowRouter, NewFlow, Route } from "./engine.ts";
import { createLinger } from "./linger.ts";
import type { ListNumbers, SharedRecentLists } from "./recent-lists.ts";
import { udpEndpoints } from "../emulated/stale-udp.ts";

/** What a worker decides by, from a switch of tables to the next. Plain data. */
export interface Table {
  readonly generation: number;
  readonly pools: readonly PoolEntry[];
  readonly lists: ListNumbers;
  /** The frontend behind each listener. */
  readonly frontends: ReadonlyMap<number, Pick<Frontend, "proto" | "addr">>;
}

/** Decides flows for an engine, by the program in force. */
interface Decisions extends FlowRouter {
  /**
   * Makes a program ready beside the one in force.
   *
   * @throws {SluiceError} as `prepareDecider`.
   */
  prepare(program: Program, plan: NodePlan): void;
  /** Puts what was prepared last into force. */
  use(table: Table): void;
  /** Of the flows in these slots, the UDP ones whose endpoint the program in force does not have. */
  stranded(): readonly number[];
}

interface DecisionsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly pools: PoolViews;
  readonly recent: SharedRecentLists;
  /** Of the memory of the recent lists. */
  readonly recentLock: Lock;
  readonly mapEndpoint: MapEndpoint;
}

interface Prepared {
  readonly program: Program;
  readonly decider: Decider;
}

export function createDecisions(options: DecisionsOptions): Decisions {
  const { clock, random, pools, recent, recentLock, mapEndpoint } = options;
  const state: DecisionState = { clock, random, recent, pool: (key) => pools.pool(key) };
  const counts = createConnectionCounts(createLinger(clock));
  /** By slot of the engine: the endpoint of each UDP flow. */
  const udp = new Map<number, string>();
  let prepared: Prepared | undefined;
  let inForce: Prepared | undefined;
  let frontends: Table["frontends"] = new Map();
  let lists = 0;

  const decide = (decider: Decider, flow: Flow, attempt: number): FlowDecision => {
    // What one rule remembers another looks up: no second flow may come between.
    if (lists === 0) return decider.decide(flow, attempt);
    recentLock.acquire();
    try {
      return decider.decide(flow, attempt);
    } finally {
      recentLock.release();
    }
  };
  const routeOne = ({ slot, listener, client, attempt, destination }: NewFlow): Route => {
    const frontend = frontends.get(listener);
    if (inForce === undefined || frontend === undefined) return refuse;
    const flow = flowFrom(client, destination === undefined ? frontend : { ...frontend, addr: destination });
    // The endpoint that failed does not have the connection any more.
    if (attempt > 0) counts.changed({ slot, became: "reset" });
    const decision = decide(inForce.decider, flow, attempt);
    if (decision.verdict !== "forward") return decision.verdict === "drop" ? discard : refuse;
    if (decision.counted !== undefined) counts.opened(slot, decision.counted, inForce.program.mode === "ipvs");
    if (flow.proto === UDP) udp.set(slot, formatSocketAddr(decision.to));
    return { kind: "forward", to: mapEndpoint(decision.to) };
  };

  return {
    prepare(program, plan) {
      prepared = { program, decider: prepareDecider(program, servedHere(program, plan), state) };
    },
    use(table) {
      inForce = prepared;
      pools.use(table.pools);
      recent.use(table.lists);
      lists = table.lists.size;
      frontends = table.frontends;
    },
    stranded() {
      if (udp.size === 0 || inForce === undefined) return [];
      const endpoints = new Set([...udpEndpoints(inForce.program)].map(formatSocketAddr));
      return [...udp].filter(([, to]) => !endpoints.has(to)).map(([slot]) => slot);
    },
    changed(changes) {
      for (const change of changes) {
        counts.changed(change);
        if (change.became === "expired") udp.delete(change.slot);
      }
    },
    route: (flows) => flows.map(routeOne),
  };
}

/** The userspace mode passes its own node's clients by an external IP that is not local; one that we serve is. */
function servedHere(program: Program, plan: NodePlan): NodePlan {
  if (program.mode !== "userspace") return plan;
  return { ...plan, nodeAddresses: [...plan.nodeAddresses, ...plan.frontends.map(({ addr }) => addr.ip)] };
}

const refuse: Route = Object.freeze({ kind: "refuse" });
const discard: Route = Object.freeze({ kind: "discard" });

/** The flow that the program decides on: to the virtual address, wherever the client really connected to. */
function flowFrom(client: SocketAddr, { proto, addr }: Pick<Frontend, "proto" | "addr">): Flow {
  return { proto, src: client.ip, srcPort: client.port, dst: addr.ip, dstPort: addr.port };
}
