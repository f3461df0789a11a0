import type { Random } from "../core/random.ts";
import type { Flow } from "../net/flow.ts";
import {
  type BackendSet,
  createBackendSet,
  growBackendSet,
  holds,
  linkFirst,
  listed,
  unlink,
  usable,
} from "./backend-set.ts";
import type { BackendSettings } from "./backend-spec.ts";
import { type Algorithm, type Balancer, NO_BACKEND } from "./balancer.ts";
import type { Explanation } from "./explanation.ts";
import { identityOf } from "./identity.ts";
import type { Kernel } from "./kernel.ts";
import { connectionAdded, connectionEnded, setThresholds } from "./thresholds.ts";

/** Slots at first; doubled whenever they run out. */
const FIRST_CAPACITY = 16;

/** How a backend stands in its balancer. */
export interface BackendCounts {
  /** As `BackendSpec` has it. */
  readonly id: string;
  /** 0…65535. */
  readonly weight: number;
  /** Leases that are not released yet. */
  readonly active: number;
  /** Whether `upper` leases were reached, and not yet fallen below `lower` again. */
  readonly overloaded: boolean;
  /** False for a backend that was removed and still has leases; its weight is given as 0. */
  readonly listed: boolean;
}

/** All that a table is. Plain data. */
export interface SavedTable {
  /** How many slots there are, in use or free. */
  readonly capacity: number;
  /** The listed ones in list order, then those that are not listed and have leases. */
  readonly backends: readonly SavedBackend[];
  /** The slots of no backend; the last one is given out first. */
  readonly free: readonly number[];
  /** Of the algorithm: signed 32-bit words. */
  readonly state: readonly number[];
}

/** All that a backend is in a table. */
export interface SavedBackend extends BackendSettings {
  /** As `BackendSpec` has it. */
  readonly id: string;
  /** Its place in the set. */
  readonly slot: number;
  /** Leases that are not released yet. */
  readonly active: number;
  /** Whether it is overloaded. */
  readonly overloaded: boolean;
  /** False for one that was removed and still has leases. */
  readonly listed: boolean;
}

/** Backends by id over a set that grows. A slot stays with its id as long as it is listed or has connections. */
export class BackendTable {
  readonly #algorithm: Algorithm;
  readonly #kernel: Kernel;
  readonly #random: Random;
  #set: BackendSet;
  #state: Int32Array;
  #balancer: Balancer;
  readonly #slots = new Map<string, number>();
  /** By slot. */
  readonly #ids: string[] = [];
  readonly #free: number[] = [];

  /** @param saved what the table is to begin with, as `save` gave it for the same algorithm. @default empty */
  constructor(algorithm: Algorithm, kernel: Kernel, random: Random, saved?: SavedTable) {
    const capacity = saved?.capacity ?? FIRST_CAPACITY;
    this.#algorithm = algorithm;
    this.#kernel = kernel;
    this.#random = random;
    this.#set = createBackendSet(capacity);
    this.#state = new Int32Array(algorithm.stateWords(capacity));
    if (saved === undefined) this.#offer(0);
    else this.#load(saved);
    this.#balancer = algorithm.create(this.#set, this.#state, random);
  }

  /** A slot, or NO_BACKEND. */
  pick(flow: Flow, nowMs: number): number {
    return this.#balancer.pick(flow, nowMs);
  }

  explain(flow: Flow, nowMs: number): Explanation {
    return this.#balancer.explain(flow, nowMs);
  }

  idOf(slot: number): string {
    return this.#ids[slot]!;
  }

  /** The slot of a listed backend, or NO_BACKEND. */
  slotOf(id: string): number {
    const slot = this.#slots.get(id);
    return slot !== undefined && holds(this.#set, slot) ? slot : NO_BACKEND;
  }

  /** Whether a slot is listed and may take new flows. */
  admits(slot: number): boolean {
    return holds(this.#set, slot) && usable(this.#set, slot);
  }

  opened(slot: number): void {
    this.#set.active[slot]! += 1;
    connectionAdded(this.#set, slot, this.#kernel);
    this.#balancer.loadChanged(slot);
  }

  closed(slot: number): void {
    this.#set.active[slot]! -= 1;
    connectionEnded(this.#set, slot, this.#kernel);
    this.#balancer.loadChanged(slot);
    this.#freeWhenUnused(slot);
  }

  /** Whether the algorithm takes notice of `observed`. */
  get goesByLatency(): boolean {
    return this.#balancer.observed !== undefined;
  }

  observed(slot: number, latencyMs: number, nowMs: number, failed: boolean): void {
    this.#balancer.observed?.(slot, latencyMs, nowMs, failed);
  }

  probed(slot: number, inFlight: number, latencyMs: number, nowMs: number): void {
    this.#balancer.probed?.(slot, inFlight, latencyMs, nowMs);
  }

  /** Makes these the listed backends. @returns the slots that were taken out of the list. */
  update(backends: ReadonlyMap<string, BackendSettings>): number[] {
    const gone = listed(this.#set).filter((slot) => !backends.has(this.idOf(slot)));
    for (const slot of gone) this.remove(slot);
    for (const [id, settings] of backends) this.put(id, settings);
    return gone;
  }

  /** Adds a backend, or edits it where it stands. */
  put(id: string, settings: BackendSettings): void {
    const slot = this.#slots.get(id);
    if (slot !== undefined && holds(this.#set, slot)) this.#edit(slot, settings);
    else this.#link(slot ?? this.#take(id), settings);
  }

  remove(slot: number): void {
    this.#balancer.removing(slot);
    unlink(this.#set, slot);
    this.#freeWhenUnused(slot);
  }

  /** The listed backends in list order, then those that are not listed and have connections. */
  counts(): BackendCounts[] {
    return this.#known().map((slot) => {
      const { id, weight, active, overloaded, listed } = this.#saved(slot);
      return { id, weight: listed ? weight : 0, active, overloaded, listed };
    });
  }

  save(): SavedTable {
    return {
      capacity: this.#set.capacity,
      backends: this.#known().map((slot) => this.#saved(slot)),
      free: [...this.#free],
      state: [...this.#state],
    };
  }

  #load({ backends, free, state }: SavedTable): void {
    for (const { id, slot, weight, upper, lower, active, overloaded } of backends) {
      this.#slots.set(id, slot);
      this.#ids[slot] = id;
      this.#set.weight[slot] = weight;
      this.#set.upper[slot] = upper;
      this.#set.lower[slot] = lower;
      this.#set.active[slot] = active;
      this.#set.overloaded[slot] = Number(overloaded);
    }
    for (const { id, slot, weight, listed } of backends.toReversed()) {
      if (listed) linkFirst(this.#set, slot, weight, identityOf(id));
    }
    this.#free.push(...free);
    this.#state.set(state);
  }

  #known(): number[] {
    const removed = [...this.#slots.values()].filter((slot) => !holds(this.#set, slot));
    return [...listed(this.#set), ...removed.sort((a, b) => a - b)];
  }

  #saved(slot: number): SavedBackend {
    const { weight, active, upper, lower, overloaded } = this.#set;
    return {
      id: this.idOf(slot),
      slot,
      weight: weight[slot]!,
      upper: upper[slot]!,
      lower: lower[slot]!,
      active: active[slot]!,
      overloaded: overloaded[slot] === 1,
      listed: holds(this.#set, slot),
    };
  }

  #link(slot: number, settings: BackendSettings): void {
    setThresholds(this.#set, slot, settings, this.#kernel);
    linkFirst(this.#set, slot, settings.weight, identityOf(this.idOf(slot)));
    this.#balancer.added(slot);
  }

  #edit(slot: number, settings: BackendSettings): void {
    const { weight, upper, lower } = this.#set;
    const limits = settings.upper !== upper[slot] || settings.lower !== lower[slot];
    if (!limits && settings.weight === weight[slot]) return;
    weight[slot] = settings.weight;
    if (limits) setThresholds(this.#set, slot, settings, this.#kernel);
    this.#balancer.reweighted(slot);
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
    this.#set.weight[slot] = 0;
    this.#set.upper[slot] = 0;
    this.#set.lower[slot] = 0;
    this.#set.overloaded[slot] = 0;
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
