/**
 * How do our balancers compare with packages of npm that do the same, at the same work?
 *
 * The packages: `load-balancers` (p2c, random; counts its picks, knows no release, draws from Math.random), `loadbalance`
 * (round robin, random), `hashring` (ketama over text keys; a least-recently-used list of 5,000 answers before it) and
 * undici's pools, which are asked to dispatch and whose connections only count. Ours are measured at both levels: the
 * bare algorithm, and `createBalancer` with a lease that is released.
 *
 * None of the packages has open connections, weights that change, a seed for p2c, or an answer to why.
 */
import HashRing from "hashring";
import { P2cBalancer, RandomBalancer } from "load-balancers";
import { random, roundRobin } from "loadbalance";
import { createBalancer } from "../../src/balancers/create-balancer.ts";
import { seededRandom } from "../../src/core/random.ts";
import { formatIp } from "../../src/net/ip.ts";
import { sampleFlows } from "../../test/support/flows.ts";
import type { Bench } from "../frame/bench.ts";
import { runBench } from "../frame/run-bench.ts";
import { bigSet } from "./big-set.ts";
import { balancedPool, type Dispatching, roundRobinPool } from "./undici-pools.ts";

/** Enough flows that hashring's list of answers holds a part of them only, as with real clients. */
const FLOWS = 65_536;
const SIZES = [10, 1_000];

type Work = "round-robin" | "random" | "p2c" | "ring";
interface Case {
  readonly work: Work;
  readonly by: string;
  readonly backends: number;
}
interface Prepared {
  /** One run. @returns the operations done. */
  run(): number;
}

const algorithmOf = { "round-robin": "rr", random: "random", p2c: "p2c-with-replacement", ring: "ring" } as const;
const flows = sampleFlows(FLOWS, 1);
const namesOf = (backends: number): string[] =>
  Array.from({ length: backends }, (_, slot) => `10.0.${slot >> 8}.${slot & 255}:80`);

const peers: Readonly<Record<Work, Readonly<Record<string, (backends: number) => Prepared>>>> = {
  "round-robin": {
    loadbalance(backends) {
      const engine = roundRobin(namesOf(backends));
      return repeated(() => engine.pick());
    },
    "undici BalancedPool": (backends) => dispatching(balancedPool(backends), backends),
    "undici RoundRobinPool": (backends) => dispatching(roundRobinPool(backends), backends),
  },
  random: {
    loadbalance(backends) {
      const engine = random(namesOf(backends), 1);
      return repeated(() => engine.pick());
    },
    "load-balancers"(backends) {
      const balancer = new RandomBalancer(backends);
      return repeated(() => balancer.pick());
    },
  },
  p2c: {
    "load-balancers"(backends) {
      const balancer = new P2cBalancer(backends);
      return repeated(() => balancer.pick());
    },
  },
  ring: {
    hashring(backends) {
      const ring = new HashRing(namesOf(backends));
      const keys = flows.map(({ src }) => formatIp(src));
      return repeated((at) => ring.get(keys[at]!));
    },
  },
};

const ours: Readonly<Record<string, (work: Work, backends: number) => Prepared>> = {
  "sluice pick"(work, backends) {
    const { balancer, set } = bigSet(algorithmOf[work], backends);
    return repeated((at) => {
      const slot = balancer.pick(flows[at]!, 0);
      // The p2c of load-balancers counts each pick; the others here count nothing.
      if (work === "p2c") set.active[slot]! += 1;
      return slot;
    });
  },
  "sluice lease"(work, backends) {
    const specs = namesOf(backends).map((id) => ({ id }));
    const balancer = createBalancer({ algorithm: algorithmOf[work] }, specs, { random: seededRandom(1) });
    return repeated((at) => {
      const lease = balancer.acquire(flows[at]!)!;
      lease.release();
      return lease;
    });
  },
};

const cases: readonly Case[] = (Object.keys(peers) as Work[]).flatMap((work) =>
  SIZES.flatMap((backends) =>
    [...Object.keys(ours), ...Object.keys(peers[work])].map((by) => ({ work, by, backends })),
  ),
);
const label = ({ work, by, backends }: Case): string => `${work} of ${backends}, ${by}`;

const bench: Bench<Case, Prepared> = {
  name: "balancers/peers",
  question: "how do our balancers compare with packages of npm at the same work?",
  cases,
  label,
  setup: ({ work, by, backends }) => (by in ours ? ours[by]!(work, backends) : peers[work][by]!(backends)),
  run: (prepared) => prepared.run(),
  ratios: cases
    .filter(({ by }) => !(by in ours))
    .flatMap((peer) => Object.keys(ours).map((by) => [label({ ...peer, by }), label(peer)] as const)),
};

/** A run is a turn through all flows; what a pick gave is kept, so that it has to be worked out. */
function repeated(pick: (at: number) => unknown): Prepared & { last: unknown } {
  return {
    last: undefined,
    run() {
      for (let at = 0; at < FLOWS; at += 1) this.last = pick(at);
      return FLOWS;
    },
  };
}

/** A pool of undici looks at each of its backends for each request: fewer of them a run. */
function dispatching({ dispatch, dispatched }: Dispatching, backends: number): Prepared {
  const count = Math.ceil(FLOWS / backends);
  return {
    run() {
      dispatched.count = 0;
      for (let at = 0; at < count; at += 1) dispatch();
      if (dispatched.count !== count) throw new Error(`${dispatched.count} of ${count} requests found a backend`);
      return count;
    },
  };
}

await runBench(import.meta.url, bench);
