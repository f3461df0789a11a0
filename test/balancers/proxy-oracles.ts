import { type BackendSet, listed } from "../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import { seededRandom } from "../../src/core/random.ts";
import type { Flow } from "../../src/net/flow.ts";
import type { Oracle } from "./oracles.ts";

/** An oracle that is told what became of flows and probes, too. */
export interface FeedbackOracle extends Oracle {
  observed?(slot: number, latencyMs: number, nowMs: number, failed: boolean): void;
  probed?(slot: number, inFlight: number, latencyMs: number, nowMs: number): void;
}

/** Options as the tests give them; each oracle reads its own. */
export interface OracleOptions {
  readonly maxWeight?: number;
  readonly points?: number;
  readonly minRingSize?: number;
  readonly maxRingSize?: number;
  readonly tableSize?: number;
  readonly hashBalanceFactor?: number;
  readonly hashOf?: (flow: Flow) => number;
  readonly poolSize?: number;
  readonly hotQuantile?: number;
  readonly probesPerPick?: number;
  readonly removesPerPick?: number;
}

type OracleMaker = (set: BackendSet, seed: number, options?: OracleOptions) => FeedbackOracle;

/** The algorithms of proxies and papers as their sources say them, without a thought for speed. */
export const proxyOracles: Readonly<Record<string, OracleMaker>> = {
  "smooth-wrr": smoothWeights,
  edf: deadlines,
  leastconn: tree,
  p2c: (set, seed) => twoChoices(set, seed, false, (slot) => (set.active[slot]! + 1) / set.weight[slot]!),
  "p2c-with-replacement": (set, seed) =>
    twoChoices(set, seed, true, (slot) => (set.active[slot]! + 1) / set.weight[slot]!),
  "peak-ewma": peaks,
  prequal: hotAndCold,
  ring: (set, _seed, options = {}) => walk(set, ringPoints(set, options), options),
  maglev: (set, _seed, options = {}) => walk(set, maglevEntries(set, options), options),
  rendezvous: scores,
};

function usable(set: BackendSet, slot: number): boolean {
  return set.weight[slot]! > 0 && set.overloaded[slot] === 0;
}

/** The usable slots in list order. */
function usableIn(set: BackendSet): number[] {
  return listed(set).filter((slot) => usable(set, slot));
}

/** Tells what became usable and what is no longer, since it was asked last. At most one of them a step, in a trace. */
function watch(set: BackendSet): () => { came: number[]; went: number[] } {
  let last = new Set<number>();
  return () => {
    const now = new Set(usableIn(set));
    const changes = {
      came: [...now].filter((slot) => !last.has(slot)),
      went: [...last].filter((slot) => !now.has(slot)),
    };
    last = now;
    return changes;
  };
}

function smoothWeights(set: BackendSet): Oracle {
  const current = new Map<number, number>();
  return {
    pick() {
      let best = NO_BACKEND;
      let total = 0;
      for (const slot of usableIn(set)) {
        current.set(slot, (current.get(slot) ?? 0) + set.weight[slot]!);
        total += set.weight[slot]!;
        if (best === NO_BACKEND || current.get(slot)! > current.get(best)!) best = slot;
      }
      if (best !== NO_BACKEND) current.set(best, current.get(best)! - total);
      return best;
    },
    removing: (slot) => void current.delete(slot),
  };
}

function deadlines(set: BackendSet): Oracle {
  const changes = watch(set);
  let queue: { readonly slot: number; readonly deadline: number }[] = [];
  let time = 0;
  const add = (slot: number): void => void queue.push({ slot, deadline: time + 1 / set.weight[slot]! });
  return {
    pick() {
      const least = Math.min(...queue.map(({ deadline }) => deadline));
      const entry = queue.find(({ deadline }) => deadline === least);
      if (entry === undefined) return NO_BACKEND;
      time = entry.deadline;
      queue = queue.filter((one) => one !== entry);
      add(entry.slot);
      return entry.slot;
    },
    done() {
      const { came, went } = changes();
      queue = queue.filter(({ slot }) => !went.includes(slot));
      for (const slot of came) add(slot);
    },
  };
}

/** Of leastconn: a list in the order in which keys were given. */
function tree(set: BackendSet, _seed: number, { maxWeight = 256 }: OracleOptions = {}): Oracle {
  let line: { readonly slot: number; readonly key: bigint }[] = [];
  const keyOf = (slot: number): bigint =>
    set.active[slot] === 0 ? 0n : ((BigInt(set.active[slot]!) + 1n) * BigInt(maxWeight)) / BigInt(set.weight[slot]!);
  const requeue = (slot: number): void => {
    line = [...line.filter((one) => one.slot !== slot), { slot, key: keyOf(slot) }];
  };
  return {
    pick() {
      const first = line.find(({ key }) => line.every((other) => key <= other.key));
      if (first === undefined) return NO_BACKEND;
      requeue(first.slot);
      return first.slot;
    },
    done() {
      line = line.filter(({ slot }) => usableIn(set).includes(slot));
      for (const slot of usableIn(set)) if (line.find((one) => one.slot === slot)?.key !== keyOf(slot)) requeue(slot);
    },
  };
}

/** The usable slots as the draws number them: a new one gets the next number, the last one that of one that goes. */
function numbered(set: BackendSet): { readonly slots: number[]; done(): void } {
  const changes = watch(set);
  const slots: number[] = [];
  return {
    slots,
    done() {
      const { came, went } = changes();
      for (const slot of went) {
        const last = slots.pop()!;
        if (last !== slot) slots[slots.indexOf(slot)] = last;
      }
      slots.push(...came);
    },
  };
}

function twoChoices(set: BackendSet, seed: number, replacement: boolean, load: (slot: number) => number): Oracle {
  const { slots, done } = numbered(set);
  const source = seededRandom(seed);
  return {
    done,
    pick() {
      if (slots.length < 2) return slots[0] ?? NO_BACKEND;
      const first = slots[source.below(slots.length)]!;
      const rest = replacement ? slots : slots.filter((slot) => slot !== first);
      const second = rest[source.below(rest.length)]!;
      return load(second) < load(first) ? second : first;
    },
  };
}

function peaks(set: BackendSet, seed: number): FeedbackOracle {
  let metrics = new Map<number, { cost: number; stamp: number }>();
  let nowMs = 0;
  const observe = (slot: number, rtt: number): void => {
    const { cost, stamp } = metrics.get(slot) ?? { cost: 0, stamp: 0 };
    const w = Math.exp(-Math.max(nowMs - stamp, 0) / 10_000);
    metrics.set(slot, { cost: rtt > cost ? rtt : cost * w + rtt * (1 - w), stamp: nowMs });
  };
  const choices = twoChoices(set, seed, false, (slot) => {
    observe(slot, 0);
    const { cost } = metrics.get(slot)!;
    const pending = set.active[slot]!;
    return (cost === 0 && pending !== 0 ? (2 ** 47 - 1) / 1e6 + pending : cost * (pending + 1)) / set.weight[slot]!;
  });
  return {
    pick(flow, now) {
      nowMs = now;
      return choices.pick(flow, now);
    },
    observed(slot, latencyMs, now, failed) {
      nowMs = now;
      observe(slot, failed ? Math.max(latencyMs, 5000) : latencyMs);
    },
    done() {
      choices.done?.();
      metrics = new Map([...metrics].filter(([slot]) => listed(set).includes(slot)));
    },
  };
}

function hotAndCold(set: BackendSet, seed: number, options: OracleOptions = {}): FeedbackOracle {
  const { poolSize = 16, hotQuantile = 0.84, probesPerPick = 3, removesPerPick = 1 } = options;
  interface Probe {
    readonly slot: number;
    inFlight: number;
    readonly latencyMs: number;
    readonly receivedMs: number;
    uses: number;
  }
  const { slots, done } = numbered(set);
  const source = seededRandom(seed);
  const answers: number[] = [];
  let pool: Probe[] = [];
  let [removals, uses, removed] = [0, 0, 0];
  const isHot = ({ inFlight }: Probe): boolean => {
    const ascending = answers.slice(-128).sort((a, b) => a - b);
    return inFlight > ascending[Math.max(0, Math.ceil(hotQuantile * ascending.length) - 1)]!;
  };
  const first = (probes: readonly Probe[], figure: (probe: Probe) => number): Probe | undefined =>
    probes.find((one) => probes.every((other) => figure(one) <= figure(other)));
  const best = (probes: readonly Probe[]): Probe =>
    first(
      probes.filter((probe) => !isHot(probe)),
      ({ latencyMs }) => latencyMs,
    ) ?? first(probes, ({ inFlight }) => inFlight)!;
  const worst = (probes: readonly Probe[]): Probe | undefined =>
    first(probes.filter(isHot), ({ inFlight }) => -inFlight) ?? first(probes, ({ latencyMs }) => -latencyMs);
  return {
    pick(_flow, nowMs) {
      const fresh = pool.filter(({ slot, receivedMs }) => nowMs - receivedMs <= 1000 && usable(set, slot));
      if (fresh.length < 2) return slots.length === 0 ? NO_BACKEND : slots[source.below(slots.length)]!;
      const probe = best(fresh);
      probe.inFlight += 1;
      probe.uses -= 1;
      pool = pool.filter((one) => one.uses >= 1).filter(({ receivedMs }) => nowMs - receivedMs <= 1000);
      for (removals += removesPerPick; removals >= 1; removals -= 1, removed += 1) {
        const gone = removed % 2 === 0 ? pool[0] : worst(pool);
        pool = pool.filter((one) => one !== gone);
      }
      return probe.slot;
    },
    probed(slot, inFlight, latencyMs, receivedMs) {
      const rate = (1 - poolSize / Math.max(slots.length, 1)) * probesPerPick - removesPerPick;
      if (rate > 0) uses += Math.max(1, 2 / rate);
      const whole = rate > 0 ? Math.floor(uses) : Infinity;
      if (rate > 0) uses -= whole;
      answers.push(inFlight);
      pool = [...pool.filter((one) => one.slot !== slot), { slot, inFlight, latencyMs, receivedMs, uses: whole }];
      pool = pool.slice(-poolSize);
    },
    removing: (slot) => void (pool = pool.filter((one) => one.slot !== slot)),
    done,
  };
}

/** The bits of a number as MurmurHash3 for 32 bits mixes words: with BigInt, as its author describes it. */
export function murmur3(words: readonly number[], seed = 0): bigint {
  const mask = 0xffffffffn;
  const rotate = (value: bigint, bits: bigint): bigint => ((value << bits) | (value >> (32n - bits))) & mask;
  let hash = BigInt(seed >>> 0);
  for (const word of words) {
    const mixed = (rotate((BigInt(word >>> 0) * 0xcc9e2d51n) & mask, 15n) * 0x1b873593n) & mask;
    hash = (rotate(hash ^ mixed, 13n) * 5n + 0xe6546b64n) & mask;
  }
  hash ^= BigInt(words.length * 4);
  hash = ((hash ^ (hash >> 16n)) * 0x85ebca6bn) & mask;
  hash = ((hash ^ (hash >> 13n)) * 0xc2b2ae35n) & mask;
  return hash ^ (hash >> 16n);
}

/** A hash of who a slot is, as an unsigned number. @param more words behind its identity. */
function hashOf(set: BackendSet, slot: number, seed: number, more: readonly number[] = []): number {
  return Number(murmur3([set.identityLow[slot]!, set.identityHigh[slot]!, ...more], seed));
}

const source = ({ src }: Flow): number =>
  Number(murmur3(typeof src === "number" ? [src] : [src.w0, src.w1, src.w2, src.w3]));

/** Those of weight above 0, by identity; here no two are the same. */
function byIdentity(set: BackendSet): number[] {
  const identity = (slot: number): bigint => (BigInt(set.identityHigh[slot]!) << 32n) + BigInt(set.identityLow[slot]!);
  return listed(set)
    .filter((slot) => set.weight[slot]! > 0)
    .sort((a, b) => (identity(a) < identity(b) ? -1 : 1));
}

/** Whether a slot may take one more: it is usable, and stays within its bound if there is one. */
function admits(set: BackendSet, slot: number, factor: number): boolean {
  if (!usable(set, slot)) return false;
  if (factor === 0) return true;
  const sum = (column: Int32Array): bigint => usableIn(set).reduce((sum, one) => sum + BigInt(column[one]!), 0n);
  const share = (sum(set.active) + 1n) * BigInt(factor) * BigInt(set.weight[slot]!);
  const all = 100n * sum(set.weight);
  return BigInt(set.active[slot]!) + 1n <= (share + all - 1n) / all;
}

/** The places of all points in ascending order, or the numbers of all entries of a table. */
interface Entries {
  entries(): { readonly slot: number; readonly from: number }[];
  at(hash: number): number;
}

function walk(set: BackendSet, { entries, at }: Entries, options: OracleOptions): Oracle {
  return {
    pick(flow) {
      const all = entries();
      const place = at((options.hashOf ?? source)(flow));
      const first = all.findIndex(({ from }) => from >= place);
      const circle = first < 0 ? all : [...all.slice(first), ...all.slice(0, first)];
      const candidates = [...circle.map(({ slot }) => slot), ...listed(set)];
      return candidates.find((slot) => admits(set, slot, options.hashBalanceFactor ?? 0)) ?? NO_BACKEND;
    },
  };
}

function ringPoints(set: BackendSet, options: OracleOptions): Entries {
  const { points = 160, minRingSize = 1, maxRingSize = 2 ** 23 } = options;
  return {
    at: (hash) => hash,
    entries() {
      const slots = byIdentity(set);
      const count = (slot: number, power: number): number =>
        Math.max(1, Math.floor(points * set.weight[slot]! * 2 ** power));
      const size = (power: number): number => slots.reduce((sum, slot) => sum + count(slot, power), 0);
      // From the largest power down: the first one that fits; from there up, until it is large enough.
      let power = 0;
      while (size(power) > points * slots.length) power -= 1;
      while (slots.length > 0 && size(power) < minRingSize) power += 1;
      while (size(power) > Math.max(maxRingSize, slots.length)) power -= 1;
      return slots
        .flatMap((slot) =>
          Array.from({ length: count(slot, power) }, (_, nth) => ({ slot, from: hashOf(set, slot, 0, [nth]) })),
        )
        .sort((a, b) => a.from - b.from);
    },
  };
}

function maglevEntries(set: BackendSet, { tableSize = 65_537 }: OracleOptions): Entries {
  return {
    at: (hash) => hash % tableSize,
    entries() {
      const slots = byIdentity(set);
      const table = Array.from({ length: slots.length > 0 ? tableSize : 0 }, () => NO_BACKEND);
      const largest = Math.max(...slots.map((slot) => set.weight[slot]!));
      const backends = slots.map((slot) => ({
        slot,
        weight: set.weight[slot]!,
        offset: hashOf(set, slot, 0) % tableSize,
        skip: (hashOf(set, slot, 1) % (tableSize - 1)) + 1,
        next: 0,
        target: 0,
      }));
      for (let round = 1, filled = 0; filled < table.length; round += 1) {
        for (const one of backends) {
          if (filled === table.length || round * one.weight < one.target) continue;
          const place = (): number => (one.offset + one.skip * one.next) % tableSize;
          while (table[place()] !== NO_BACKEND) one.next += 1;
          table[place()] = one.slot;
          one.next += 1;
          one.target += largest;
          filled += 1;
        }
      }
      return table.map((slot, from) => ({ slot, from }));
    },
  };
}

function scores(set: BackendSet, _seed: number, options: OracleOptions = {}): Oracle {
  return {
    pick(flow) {
      const seed = (options.hashOf ?? source)(flow);
      const score = (slot: number): number => -set.weight[slot]! / Math.log((hashOf(set, slot, seed) + 0.5) / 2 ** 32);
      const slots = byIdentity(set).filter((slot) => admits(set, slot, options.hashBalanceFactor ?? 0));
      return slots.reduce((best, slot) => (best < 0 || score(slot) > score(best) ? slot : best), NO_BACKEND);
    },
  };
}
