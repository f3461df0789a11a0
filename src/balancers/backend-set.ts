import type { Identity } from "./identity.ts";

/**
 * Backends as a balancer sees them: parallel arrays, one slot a backend, and a list that links the slots in use.
 *
 * The list is the kernel's: a new backend goes to its head, so "the first in the list" is the newest one. It is a
 * ring through a sentinel at index `capacity`: `next[capacity]` is the first slot, or `capacity` when the list is
 * empty. All of it lies in one buffer, so that worker threads can look at the same backends.
 */
export interface BackendSet {
  /** Slots are 0…capacity − 1. */
  readonly capacity: number;
  /** The slot behind each slot; −1 for a slot that holds no backend. */
  readonly next: Int32Array;
  /** The slot before each slot, likewise; of a slot that holds no backend it says nothing. */
  readonly prev: Int32Array;
  /** Order of adding: the newer of two backends has the larger number, and stands before the other. */
  readonly age: Int32Array;
  /** 0…65535; 0 takes no new flow. */
  readonly weight: Int32Array;
  /** Connections that IPVS counts as active. Whoever runs connections writes it. */
  readonly active: Int32Array;
  /** Connections that IPVS counts as inactive: closing, closed and not yet forgotten, and all of UDP. */
  readonly inactive: Int32Array;
  /** How many connections overload a slot; 0: however many. Written by `setThresholds`, as is all that follows. */
  readonly upper: Int32Array;
  /** Below how many an overloaded slot is free again; 0: three quarters of `upper`. */
  readonly lower: Int32Array;
  /** 1 for a slot that is overloaded, else 0. Also written by `connectionAdded` and `connectionEnded`. */
  readonly overloaded: Int32Array;
  /** Who the backend is: the low word of its `Identity`. Written by `linkFirst`. */
  readonly identityLow: Int32Array;
  /** The high word. */
  readonly identityHigh: Int32Array;
}

/** Marks a slot that holds no backend, in `next`. */
const FREE = -1;
/** The largest weight of IPVS. */
export const MAX_WEIGHT = 65_535;
const LARGEST_AGE = 2 ** 31 - 1;
const COLUMNS = 11;

/** How many bytes a set of this capacity takes: a multiple of 8. @param capacity at least 1. */
export function backendSetBytes(capacity: number): number {
  return Math.ceil(((capacity + 1) * COLUMNS * Int32Array.BYTES_PER_ELEMENT) / 8) * 8;
}

/**
 * Lays a set over memory that already holds one, as another thread left it.
 *
 * @param buffer at least `byteOffset + backendSetBytes(capacity)` bytes; may be shared between threads.
 */
export function viewBackendSet(buffer: ArrayBufferLike, byteOffset: number, capacity: number): BackendSet {
  const column = (index: number): Int32Array =>
    new Int32Array(buffer, byteOffset + index * (capacity + 1) * Int32Array.BYTES_PER_ELEMENT, capacity + 1);
  return {
    capacity,
    next: column(0),
    prev: column(1),
    age: column(2),
    weight: column(3),
    active: column(4),
    inactive: column(5),
    upper: column(6),
    lower: column(7),
    overloaded: column(8),
    identityLow: column(9),
    identityHigh: column(10),
  };
}

/** Makes an empty set, in memory of its own unless it is given some, which must be zeros. */
export function createBackendSet(
  capacity: number,
  buffer: ArrayBufferLike = new ArrayBuffer(backendSetBytes(capacity)),
  byteOffset = 0,
): BackendSet {
  const set = viewBackendSet(buffer, byteOffset, capacity);
  set.next.fill(FREE);
  set.next[capacity] = capacity;
  set.prev[capacity] = capacity;
  return set;
}

/**
 * Puts a free slot at the head of the list. Its counts and thresholds stay. O(1), once in 2³¹ times O(n).
 *
 * @param identity by default that of a backend which is nothing but its slot.
 */
export function linkFirst(
  set: BackendSet,
  slot: number,
  weight: number,
  identity: Identity = { low: slot, high: 0 },
): void {
  const { capacity, next, prev } = set;
  if (set.age[capacity] === LARGEST_AGE) renumber(set);
  const first = next[capacity]!;
  next[slot] = first;
  prev[slot] = capacity;
  prev[first] = slot;
  next[capacity] = slot;
  set.age[capacity]! += 1;
  set.age[slot] = set.age[capacity]!;
  set.weight[slot] = weight;
  set.identityLow[slot] = identity.low;
  set.identityHigh[slot] = identity.high;
}

/** Gives the listed slots the ages 1…n, in the same order. */
function renumber({ capacity, prev, age }: BackendSet): void {
  let newest = 0;
  for (let slot = prev[capacity]!; slot !== capacity; slot = prev[slot]!) age[slot] = newest += 1;
  age[capacity] = newest;
}

/**
 * Takes a slot out of the list. Its counts and thresholds stay, so that a server that comes back can be given them
 * again. O(1).
 */
export function unlink({ next, prev }: BackendSet, slot: number): void {
  next[prev[slot]!] = next[slot]!;
  prev[next[slot]!] = prev[slot]!;
  next[slot] = FREE;
}

/** Whether a slot is in the list. */
export function holds({ next }: BackendSet, slot: number): boolean {
  return next[slot] !== FREE;
}

/** Whether a listed slot may take new flows: its weight is above 0, and it is not overloaded. */
export function usable({ weight, overloaded }: BackendSet, slot: number): boolean {
  return weight[slot]! > 0 && overloaded[slot] === 0;
}

/** Moves a set into memory for more backends; every slot keeps its number, its counts and its place in the list. O(n). */
export function growBackendSet(set: BackendSet, capacity: number): BackendSet {
  const grown = createBackendSet(capacity);
  copyBackends(set, grown);
  grown.active.set(set.active.subarray(0, set.capacity));
  grown.inactive.set(set.inactive.subarray(0, set.capacity));
  return grown;
}

/**
 * Copies everything but the counts: the list, and the weight, the thresholds and the identity of every slot.
 *
 * @param to an empty set of at least the capacity of `from`.
 */
export function copyBackends(from: BackendSet, to: BackendSet): void {
  for (const slot of listed(from).reverse()) linkFirst(to, slot, from.weight[slot]!);
  to.weight.set(from.weight.subarray(0, from.capacity));
  to.upper.set(from.upper.subarray(0, from.capacity));
  to.lower.set(from.lower.subarray(0, from.capacity));
  to.overloaded.set(from.overloaded.subarray(0, from.capacity));
  to.identityLow.set(from.identityLow.subarray(0, from.capacity));
  to.identityHigh.set(from.identityHigh.subarray(0, from.capacity));
}

/** The slots in list order: the newest first. For set-up and reports; a pick follows `next` itself. */
export function listed({ capacity, next }: BackendSet): number[] {
  const slots: number[] = [];
  for (let slot = next[capacity]!; slot !== capacity; slot = next[slot]!) slots.push(slot);
  return slots;
}
