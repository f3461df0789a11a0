/**
 * What does a pick cost among 10,000 backends, and what does a change of the list cost?
 *
 * `floor` does all that the others do but ask a balancer: it walks through flows, counts, and goes round the slots.
 */
import type { BackendSet } from "../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import { algorithmNames } from "../../src/balancers/registry.ts";
import { seededRandom } from "../../src/core/random.ts";
import type { Flow } from "../../src/net/flow.ts";
import type { DrivenSet } from "../../test/support/driven-set.ts";
import { sampleFlows } from "../../test/support/flows.ts";
import { type Bench, product, type Quality } from "../frame/bench.ts";
import { runBench } from "../frame/run-bench.ts";
import { bigSet, loadAtRandom } from "./big-set.ts";

const BACKENDS = 10_000;
const FLOWS = 65_536;
/** Connections that are open at a time where they are counted: two a backend. */
const OPEN = 2 * BACKENDS;
const TABLE = { backends: 1_000, tableSize: 65_537 };
const MOST_HEAP_OPERATIONS = 10_000_000;

/** They follow the counts, so that a pick without the open and the close that belong to it means nothing. */
const counting = ["lc", "wlc", "sed", "nq", "ovf", "leastconn"];
const targets = {
  "pick-and-release": { names: ["lc", "wlc", "sed", "nq"], ns: 1_000 },
  pick: { names: ["rr", "wrr", "random", "twos", "p2c", "mh", "maglev", "ring"], ns: 150 },
} as const;
/** A change has their next pick build a table. */
const tableBuilders: ReadonlySet<string> = new Set(["sh", "dh", "mh", "ring", "maglev"]);
/** Those that keep the largest load down, and what a connection adds to the load of a slot. */
const levelling: Readonly<Record<string, (set: BackendSet, slot: number) => number>> = {
  lc: () => 1,
  ...Object.fromEntries(
    ["wlc", "sed", "nq", "leastconn"].map((name) => [name, ({ weight }, slot) => 1 / weight[slot]!]),
  ),
};
/** A table in which every backend has entries. */
const optionsOf: Readonly<Record<string, object>> = { mh: { mhTableIndex: 17 } };
/** A pick looks at every backend: a change is measured without one, and the heap over picks of few backends. */
const scanning: ReadonlySet<string> = new Set(["rendezvous"]);
const FEW_BACKENDS = 16;

interface Case {
  readonly work: "pick" | "pick-of-few" | "pick-and-release" | "update" | "build-table";
  readonly name: string;
}

interface Prepared {
  readonly name: string;
  readonly set: BackendSet;
  /** One run. @returns the operations done. */
  run(): number;
  /** Picks of each slot; undefined where other things are of interest. */
  readonly hits: Uint32Array | undefined;
}

const cases: readonly Case[] = [
  ...product({ work: ["pick-and-release"], name: ["floor", ...counting] }),
  ...product({ work: ["pick"], name: ["floor", ...algorithmNames.filter((name) => !counting.includes(name))] }),
  ...product({ work: ["pick-of-few"], name: [...scanning] }),
  ...product({ work: ["update"], name: algorithmNames }),
  { work: "build-table", name: "maglev" },
];

const bench: Bench<Case, Prepared> = {
  name: "balancers/pick",
  question: `what do a pick, a pick and its release, and a change cost among ${BACKENDS} backends?`,
  cases,
  label: ({ work, name }) => `${work} ${name}`,
  setup: (one) => setups[one.work](one.name),
  run: (prepared) => prepared.run(),
  quality: (prepared) => ({ ...evenness(prepared), ...overload(prepared) }),
  check(quality) {
    const [load, most] = [quality["largest load"], quality["at most"]];
    return load !== undefined && load > most! ? `a load of ${load} where ${most} is the most` : undefined;
  },
  targetNs({ work, name }) {
    if (work === "build-table") return 15e6;
    if (work === "update") return tableBuilders.has(name) ? undefined : 50_000;
    if (work === "pick-of-few") return undefined;
    const { names, ns } = targets[work];
    return (names as readonly string[]).includes(name) ? ns : undefined;
  },
  heapOperations({ work, name }) {
    if (work === "pick-of-few") return MOST_HEAP_OPERATIONS;
    const picking = work === "pick" || work === "pick-and-release";
    return picking && !scanning.has(name) ? MOST_HEAP_OPERATIONS : undefined;
  },
};

const setups: Readonly<Record<Case["work"], (name: string) => Prepared>> = {
  pick(name) {
    const driven = preparedSet(name);
    loadAtRandom(driven, 4, seededRandom(2));
    const { set, balancer } = driven;
    const flows = sampleFlows(FLOWS, 3);
    const hits = new Uint32Array(BACKENDS);
    const pick = pickerOf(name, balancer);
    const run = (): number => {
      const count = scanning.has(name) ? 64 : FLOWS;
      for (let at = 0; at < count; at += 1) {
        const slot = pick(flows[at]!, 0);
        if (slot !== NO_BACKEND) hits[slot]! += 1;
      }
      return count;
    };
    return { name, set, hits, run };
  },

  "pick-of-few"(name) {
    const { set, balancer } = bigSet(name, FEW_BACKENDS, { weightOf });
    const flows = sampleFlows(FLOWS, 3);
    const prepared = { name, set, hits: undefined, last: NO_BACKEND };
    const run = (): number => {
      for (let at = 0; at < FLOWS; at += 1) prepared.last = balancer.pick(flows[at]!, 0);
      return FLOWS;
    };
    return Object.assign(prepared, { run });
  },

  "pick-and-release"(name) {
    const { set, balancer } = preparedSet(name);
    const flows = sampleFlows(FLOWS, 3);
    const pick = pickerOf(name, balancer);
    const tell = name === "floor" ? () => {} : balancer.loadChanged;
    const count = (slot: number, by: number): void => {
      set.active[slot]! += by;
      tell(slot);
    };
    const open = Int32Array.from({ length: OPEN }, (_, at) => {
      const slot = pick(flows[at]!, 0);
      if (slot !== NO_BACKEND) count(slot, 1);
      return slot;
    });
    // Which connection closes is drawn beforehand: chance costs as much as a quick pick.
    const chance = seededRandom(4);
    const closing = Int32Array.from({ length: FLOWS }, () => chance.below(OPEN));
    const run = (): number => {
      for (let at = 0; at < FLOWS; at += 1) {
        const closed = closing[at]!;
        if (open[closed] !== NO_BACKEND) count(open[closed]!, -1);
        const slot = pick(flows[at]!, 0);
        if (slot !== NO_BACKEND) count(slot, 1);
        open[closed] = slot;
      }
      return FLOWS;
    };
    return { name, set, hits: undefined, run };
  },

  update(name) {
    const driven = preparedSet(name);
    const { set, balancer } = driven;
    const flow = sampleFlows(1, 3)[0]!;
    const chance = seededRandom(5);
    const pick = scanning.has(name) ? () => NO_BACKEND : pickerOf(name, balancer);
    const pairs = tableBuilders.has(name) ? 1 : 256;
    const run = (): number => {
      for (let pair = 0; pair < pairs; pair += 1) {
        const slot = chance.below(BACKENDS);
        driven.remove(slot);
        pick(flow, 0);
        driven.add(slot, weightOf(slot));
        pick(flow, 0);
      }
      return 2 * pairs;
    };
    return { name, set, hits: undefined, run };
  },

  "build-table"(name) {
    const { set, balancer } = bigSet(name, TABLE.backends, { options: { tableSize: TABLE.tableSize }, weightOf });
    const flow = sampleFlows(1, 3)[0]!;
    // A weight that stays what it is builds nothing.
    const run = (): number => {
      set.weight[0] = 3 - set.weight[0]!;
      balancer.reweighted(0);
      balancer.pick(flow, 0);
      return 1;
    };
    return { name, set, hits: undefined, run };
  },
};

function weightOf(slot: number): number {
  return 1 + (slot % 5);
}

function preparedSet(name: string): DrivenSet {
  return bigSet(name === "floor" ? "rr" : name, BACKENDS, { options: optionsOf[name] ?? {}, weightOf });
}

type Pick = (flow: Flow, nowMs: number) => number;

function pickerOf(name: string, balancer: { pick: Pick }): Pick {
  if (name !== "floor") return balancer.pick;
  let slot = 0;
  return () => (slot = slot + 1 === BACKENDS ? 0 : slot + 1);
}

/** How far the picks of one run are from equal shares or from shares by weight, whichever is nearer; next to chance. */
function evenness({ hits, set, run }: Prepared): Quality {
  if (hits === undefined) return {};
  hits.fill(0);
  const picks = run();
  const weights = set.weight.subarray(0, BACKENDS).reduce((sum, weight) => sum + weight, 0);
  const spreadFrom = (shareOf: (slot: number) => number): number => {
    const squares = hits.reduce((sum, n, slot) => sum + (n / (picks * shareOf(slot)) - 1) ** 2, 0);
    return Math.sqrt(squares / BACKENDS);
  };
  const spread = Math.min(
    spreadFrom(() => 1 / BACKENDS),
    spreadFrom((slot) => set.weight[slot]! / weights),
  );
  return { spread, "by chance": Math.sqrt(BACKENDS / picks) };
}

/**
 * The largest load next to the most that it can be. Where a connection adds 1 / w, the backend picked is the one with the
 * least active / w or (active + 1) / w; that is at most the mean A / W, or (A + n) / W, and W is at least n. So whoever
 * is picked ends up with at most A / W + 1.
 */
function overload({ name, hits, set }: Prepared): Quality {
  const addedBy = levelling[name];
  if (hits !== undefined || addedBy === undefined || set.active.every((active) => active === 0)) return {};
  let [load, active, weights] = [0, 0, 0];
  for (let slot = 0; slot < BACKENDS; slot += 1) {
    load = Math.max(load, set.active[slot]! * addedBy(set, slot));
    active += set.active[slot]!;
    weights += 1 / addedBy(set, slot);
  }
  return { "largest load": load, "at most": active / weights + 1 };
}

await runBench(import.meta.url, bench);
