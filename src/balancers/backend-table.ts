import type { Random } from "../core/random.ts";
import type { Flow } from "../net/flow.ts";
import { type BackendSet, createBackendSet, growBackendSet, holds, linkFirst, listed, unlink } from "./backend-set.ts";
import type { Algorithm, Balancer } from "./balancer.ts";

/** Slots at first; doubled whenever they run out. */
const FIRST_CAPACITY = 16;

/** How a backend stands in its balancer. */
export interface BackendCounts {
  readonly id: string;
  readonly weight: number;
  /** Leases that are not released yet. */
  readonly active: number;
  /** False for a backend that was removed and still has leases; its weight is given as 0. */
  readonly listed: boolean;
}

/** Backends by id over a set that grows. A slot stays with its id as long as it is listed or has connections. */
export class BackendTable {
  readonly #algorithm: Algorithm;
  readonly #random: Random;
  #set: BackendSet;
  #state: Int32Array;
  #balancer: Balancer;
  readonly #slots = new Map<string, number>();
  /** By slot. */
  readonly #ids: string[] = [];
  readonly #free: number[] = [];

  constructor(algorithm: Algorithm, random: Random) {
    this.#algorithm = algorithm;
    this.#random = random;
    this.#set = createBackendSet(FIRST_CAPACITY);
    this.#state = new Int32Array(algorithm.stateWords(FIRST_CAPACITY));
    this.#balancer = algorithm.create(this.#set, this.#state, random);
    this.#offer(0);
  }

  /** A slot, or NO_BACKEND. */
  pick(flow: Flow, nowMs: number): number {
    return this.#balancer.pick(flow, nowMs);
  }

  idOf(slot: number): string {
    return this.#ids[slot]!;
  }

  opened(slot: number): void {
    this.#set.active[slot]! += 1;
    this.#balancer.loadChanged(slot);
  }

  closed(slot: number): void {
    this.#set.active[slot]! -= 1;
    this.#balancer.loadChanged(slot);
    this.#freeWhenUnused(slot);
  }

  /** Makes these the listed backends. */
  update(weights: ReadonlyMap<string, number>): void {
    for (const [id, slot] of this.#slots) if (holds(this.#set, slot) && !weights.has(id)) this.#remove(slot);
    for (const [id, weight] of weights) {
      const slot = this.#slots.get(id);
      if (slot !== undefined && holds(this.#set, slot)) this.#reweigh(slot, weight);
      else this.#add(slot ?? this.#take(id), weight);
    }
  }

  /** The listed backends in list order, then those that are not listed and have connections. */
  counts(): BackendCounts[] {
    const { weight, active } = this.#set;
    const slots = listed(this.#set);
    const removed = [...this.#slots.values()].filter((slot) => !holds(this.#set, slot));
    return [
      ...slots.map((slot) => ({ id: this.idOf(slot), weight: weight[slot]!, active: active[slot]!, listed: true })),
      ...removed.map((slot) => ({ id: this.idOf(slot), weight: 0, active: active[slot]!, listed: false })),
    ];
  }

  #add(slot: number, weight: number): void {
    linkFirst(this.#set, slot, weight);
    this.#balancer.added(slot);
  }

  #reweigh(slot: number, weight: number): void {
    if (this.#set.weight[slot] === weight) return;
    this.#set.weight[slot] = weight;
    this.#balancer.reweighted(slot);
  }

  #remove(slot: number): void {
    this.#balancer.removing(slot);
    unlink(this.#set, slot);
    this.#freeWhenUnused(slot);
  }

  #take(id: string): number {
    if (this.#free.length === 0) this.#grow();
    const slot = this.#free.pop()!;
    this.#slots.set(id, slot);
    this.#ids[slot] = id;
    return slot;
  }

  #freeWhenUnused(slot: number): void {
    if (holds(this.#set, slot) || this.#set.active[slot]! > 0) return;
    this.#slots.delete(this.idOf(slot));
    this.#free.push(slot);
  }

  #grow(): void {
    const { capacity } = this.#set;
    const state = new Int32Array(this.#algorithm.stateWords(capacity * 2));
    state.set(this.#state);
    this.#set = growBackendSet(this.#set, capacity * 2);
    this.#state = state;
    this.#balancer = this.#algorithm.create(this.#set, state, this.#random);
    this.#offer(capacity);
  }

  /** Slots from this one on are free, the lowest first. */
  #offer(first: number): void {
    for (let slot = this.#set.capacity - 1; slot >= first; slot -= 1) this.#free.push(slot);
  }
}
