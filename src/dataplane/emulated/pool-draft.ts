import { type BackendSet, linkFirst, unlink } from "../../balancers/backend-set.ts";
import type { Balancer } from "../../balancers/balancer.ts";
import { identityOf } from "../../balancers/identity.ts";
import { shuffleList } from "../../balancers/shuffle-list.ts";
import { balancerInvalid } from "../../core/errors.ts";
import type { Random } from "../../core/random.ts";
import type { RealServer } from "../../modes/ipvs/tables.ts";
import { formatSocketAddr, type SocketAddr } from "../../net/flow.ts";
import type { BackendPool, PoolLayout } from "./backend-pool.ts";
import { type PoolPlan, sameOptions } from "./pool-plan.ts";

/** Who stands in the slots of a pool. */
export interface Seating {
  /** By slot: the text of the endpoint that had it last; undefined for a slot that was never used. */
  readonly owners: readonly (string | undefined)[];
  /** By slot: the endpoint, for slots that are in the list or about to be. */
  readonly addrs: readonly (SocketAddr | undefined)[];
  /** Those in the list, by the text of their endpoint, in the order of the program. */
  readonly listed: ReadonlyMap<string, Seat>;
}

interface Seat {
  readonly slot: number;
  readonly weight: number;
}

export const nobody: Seating = { owners: [], addrs: [], listed: new Map() };

/** The most slots that one pool can have. */
const MAX_SLOTS = 65_535;
/** The fewest, so that a small service can replace all its endpoints without new memory. */
const MIN_SLOTS = 8;

/**
 * Gives every server of a plan a slot: the one it has or had, else the first free one. A slot is free when nobody had
 * it, or when its endpoint is neither in the list nor wanted and no connection is counted on it.
 *
 * @throws {SluiceError} BALANCER_INVALID when they are more than a pool can hold.
 */
export function seat(plan: PoolPlan, before: Seating, pool: BackendPool | undefined): Seating {
  const wanted = new Map(plan.servers.map((server) => [formatSocketAddr(server.addr), server]));
  const owners = [...before.owners];
  const slots = new Map<string, number>();
  for (const [slot, owner] of owners.entries()) if (owner !== undefined && wanted.has(owner)) slots.set(owner, slot);
  const isFree = (slot: number): boolean => {
    const owner = owners[slot];
    return owner === undefined || !(wanted.has(owner) || before.listed.has(owner) || pool!.counted(slot) > 0);
  };
  let next = 0;
  for (const endpoint of wanted.keys()) {
    if (slots.has(endpoint)) continue;
    while (!isFree(next)) next += 1;
    if (next >= MAX_SLOTS) throw balancerInvalid(plan.key, `at most ${MAX_SLOTS} servers`, plan.servers.length);
    owners[next] = endpoint;
    slots.set(endpoint, next);
  }
  return {
    owners,
    addrs: owners.map((owner, slot) => seatedAddr(owner, slot, wanted, before)),
    listed: new Map([...wanted].map(([endpoint, { weight }]) => [endpoint, { slot: slots.get(endpoint)!, weight }])),
  };
}

function seatedAddr(
  owner: string | undefined,
  slot: number,
  wanted: ReadonlyMap<string, RealServer>,
  before: Seating,
): SocketAddr | undefined {
  if (owner === undefined) return undefined;
  // One that is about to be removed can be picked until the commit.
  return wanted.get(owner)?.addr ?? (before.listed.has(owner) ? before.addrs[slot] : undefined);
}

/** The layout that a plan asks for. @param before the present one, which stays as long as it serves. */
export function layoutFor(plan: PoolPlan, seating: Seating, threads: number, before?: PoolLayout): PoolLayout {
  const fits = before !== undefined && seating.owners.length <= before.capacity;
  const capacity = fits ? before.capacity : capacityFor(Math.max(seating.owners.length, plan.servers.length * 2));
  const { algorithm, options } = plan;
  return { capacity, algorithm, options, threads, affinitySeconds: affinityFor(plan, before) };
}

/** DefaultClientIPServiceAffinitySeconds. */
const USERSPACE_AFFINITY_SECONDS = 10_800;

/**
 * The userspace mode notes the time of an affinity once, when it first hears of a service port: from the service where
 * that is known before it has endpoints. Where it hears of endpoints first, as it mostly does when both are there, or
 * the service had no affinity then, the time is 3 hours. A change of the time alone goes unnoticed.
 *
 * Source: kube-proxy 1.25, pkg/proxy/userspace/roundrobin.go, `newServiceInternal`.
 */
function affinityFor({ order, affinitySeconds, servers }: PoolPlan, before: PoolLayout | undefined): number {
  if (order !== "shuffled" || affinitySeconds === 0) return affinitySeconds;
  if (before === undefined) return servers.length > 0 ? USERSPACE_AFFINITY_SECONDS : affinitySeconds;
  return before.affinitySeconds > 0 ? before.affinitySeconds : USERSPACE_AFFINITY_SECONDS;
}

function capacityFor(slots: number): number {
  let capacity = MIN_SLOTS;
  while (capacity < slots) capacity *= 2;
  return Math.min(capacity, MAX_SLOTS);
}

export function sameLayout(a: PoolLayout, b: PoolLayout): boolean {
  return (
    a.capacity === b.capacity &&
    a.algorithm === b.algorithm &&
    sameOptions(a.options, b.options) &&
    a.affinitySeconds === b.affinitySeconds
  );
}

/**
 * Changes the list of a pool from one seating to the next: new servers first, as kube-proxy does it, each to the head;
 * then weights; then what is to go.
 *
 * @param random shuffles the list of a userspace forward.
 */
export function relink(pool: BackendPool, plan: PoolPlan, before: Seating, after: Seating, random: Random): void {
  const gone = [...before.listed].filter(([endpoint]) => !after.listed.has(endpoint)).map(([, { slot }]) => slot);
  const changed = gone.length > 0 || before.listed.size !== after.listed.size;
  pool.update((balancer, set) => {
    relinkInPlace(balancer, set, before, after, gone);
    if (plan.order === "shuffled" && changed) shuffleList(set, balancer, random);
  });
  for (const slot of gone) pool.forgetClients(slot);
}

function relinkInPlace(
  balancer: Balancer,
  set: BackendSet,
  before: Seating,
  after: Seating,
  gone: readonly number[],
): void {
  for (const [endpoint, { slot, weight }] of after.listed) {
    if (!before.listed.has(endpoint)) {
      linkFirst(set, slot, weight, identityOf(endpoint));
      balancer.added(slot);
    } else if (set.weight[slot] !== weight) {
      set.weight[slot] = weight;
      balancer.reweighted(slot);
    }
  }
  for (const slot of gone) {
    balancer.removing(slot);
    unlink(set, slot);
  }
}
