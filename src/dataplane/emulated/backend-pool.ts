import { affinityTableBytes, NO_ENTRY, viewAffinityTable } from "../../balancers/affinity-table.ts";
import {
  type BackendSet,
  backendSetBytes,
  copyBackends,
  createBackendSet,
  holds,
  usable,
  viewBackendSet,
} from "../../balancers/backend-set.ts";
import { type Balancer, NO_BACKEND } from "../../balancers/balancer.ts";
import { algorithm } from "../../balancers/registry.ts";
import { type Lock, noLock } from "../../core/lock.ts";
import type { Random } from "../../core/random.ts";
import { type Flow, TCP } from "../../net/flow.ts";

/** What a pool is made of; plain data, so that a worker thread can lay the same pool over the same memory. */
export interface PoolLayout {
  /** Slots, 1…65535. */
  readonly capacity: number;
  readonly algorithm: string;
  /** Options of the algorithm. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Threads that count connections, each in columns of its own. */
  readonly threads: number;
  /** How long a client keeps its backend after its last new flow, in seconds; 0: no affinity. */
  readonly affinitySeconds: number;
}

/** Clients that one pool remembers at most. */
const AFFINITY_ENTRIES = 4096;
/** The word of the lock at byte 0, and one more to keep what follows on a multiple of 8 bytes. */
const HEADER_BYTES = 8;

/**
 * The backends of one service as all threads see them, for programs of the userspace and the ipvs mode that workers carry
 * out: list, weights, counts, the balancer's state and who is
 * remembered, in one buffer behind one lock. Counts are totals, plus one column a thread, so that a thread that dies
 * takes exactly its own connections out of the totals.
 */
export interface BackendPool {
  readonly set: BackendSet;
  /** What this view's thread counts, by slot. */
  readonly mine: { readonly active: Int32Array; readonly inactive: Int32Array };
  /**
   * Picks the slot of a new flow and counts it as open, in one critical section. TCP opens active; UDP and SCTP are
   * always inactive, as in IPVS.
   *
   * @param fresh passes over what is remembered of this client, and remembers the new choice: for a second try.
   * @returns NO_BACKEND, and counts nothing, when no backend may take it.
   */
  choose(flow: Flow, nowMs: number, fresh: boolean): number;
  /** An active connection saw its first FIN or RST: it counts as inactive from now on. */
  wentInactive(slot: number): void;
  /** An inactive connection was forgotten. */
  forgotten(slot: number): void;
  /** Runs a change of the list under the lock; `edit` says each change to the balancer it is given. */
  update(edit: (balancer: Balancer, set: BackendSet) => void): void;
  /** Forgets which clients were sent to this slot. */
  forgetClients(slot: number): void;
  /** Connections that any thread still counts on this slot. */
  counted(slot: number): number;
  /** Takes the connections of a dead thread out of the totals. */
  bury(thread: number): void;
  /** Counts here, too, what this thread counts in the pool that this one replaces, slot by slot. */
  takeOver(old: BackendPool): void;
}

interface Offsets {
  readonly set: number;
  readonly state: number;
  readonly columns: number;
  readonly affinity: number;
  readonly total: number;
}

function offsetsOf(layout: PoolLayout): Offsets {
  const set = HEADER_BYTES;
  const state = set + backendSetBytes(layout.capacity);
  const columns = state + algorithm(layout.algorithm, layout.options).stateWords(layout.capacity) * 4;
  const columnBytes = layout.threads * layout.capacity * 2 * 4;
  const affinity = Math.ceil((columns + columnBytes) / 8) * 8;
  const total = affinity + (layout.affinitySeconds > 0 ? affinityTableBytes(AFFINITY_ENTRIES) : 0);
  return { set, state, columns, affinity, total };
}

/** Makes the memory of an empty pool. @param shared whether other threads will look at it. */
export function createPoolMemory(layout: PoolLayout, shared: boolean): ArrayBufferLike {
  const offsets = offsetsOf(layout);
  const buffer = shared ? new SharedArrayBuffer(offsets.total) : new ArrayBuffer(offsets.total);
  createBackendSet(layout.capacity, buffer, offsets.set);
  return buffer;
}

/**
 * Lays a pool over its memory.
 *
 * @param thread whose columns count what this view opens, 0…threads − 1.
 * @param lock guards the memory; none is needed where only one thread sees it.
 */
export function viewPool(
  buffer: ArrayBufferLike,
  layout: PoolLayout,
  thread: number,
  random: Random,
  lock: Lock = noLock,
): BackendPool {
  const { capacity, threads, affinitySeconds } = layout;
  const offsets = offsetsOf(layout);
  const { create, stateWords } = algorithm(layout.algorithm, layout.options);
  const set = viewBackendSet(buffer, offsets.set, capacity);
  const balancer = create(set, new Int32Array(buffer, offsets.state, stateWords(capacity)), random);
  const columns = new Int32Array(buffer, offsets.columns, threads * capacity * 2);
  const mineActive = columns.subarray(thread * capacity * 2, thread * capacity * 2 + capacity);
  const mineInactive = columns.subarray(thread * capacity * 2 + capacity, (thread + 1) * capacity * 2);
  const affinity = affinitySeconds > 0 ? viewAffinityTable(buffer, offsets.affinity, AFFINITY_ENTRIES) : undefined;

  const remembered = (flow: Flow, nowMs: number): number => {
    const slot = affinity?.find(flow.src, 0, nowMs) ?? NO_ENTRY;
    return slot !== NO_ENTRY && holds(set, slot) && usable(set, slot) ? slot : NO_BACKEND;
  };
  const add = (total: Int32Array, mine: Int32Array, slot: number, change: number): void => {
    // The column first: the totals can be made again from the columns, not the other way round.
    mine[slot]! += change;
    total[slot]! += change;
  };
  const locked = <T>(work: () => T): T => {
    lock.acquire();
    try {
      return work();
    } finally {
      lock.release();
    }
  };

  return {
    set,
    mine: { active: mineActive, inactive: mineInactive },
    choose(flow, nowMs, fresh) {
      lock.acquire();
      let slot = fresh ? NO_BACKEND : remembered(flow, nowMs);
      if (slot === NO_BACKEND) slot = balancer.pick(flow, nowMs);
      if (slot !== NO_BACKEND) {
        affinity?.put(flow.src, 0, slot, nowMs, affinitySeconds * 1000);
        if (flow.proto === TCP) add(set.active, mineActive, slot, 1);
        else add(set.inactive, mineInactive, slot, 1);
        balancer.loadChanged(slot);
      }
      lock.release();
      return slot;
    },
    wentInactive(slot) {
      lock.acquire();
      add(set.active, mineActive, slot, -1);
      add(set.inactive, mineInactive, slot, 1);
      balancer.loadChanged(slot);
      lock.release();
    },
    forgotten(slot) {
      lock.acquire();
      add(set.inactive, mineInactive, slot, -1);
      balancer.loadChanged(slot);
      lock.release();
    },
    update: (edit) => locked(() => edit(balancer, set)),
    forgetClients: (slot) => locked(() => affinity?.forget({ value: slot })),
    counted: (slot) => sumColumn(columns, slot, capacity),
    bury: (dead) =>
      locked(() => {
        columns.fill(0, dead * capacity * 2, (dead + 1) * capacity * 2);
        for (let slot = 0; slot < capacity; slot += 1) {
          set.active[slot] = sumColumn(columns, slot, capacity * 2);
          set.inactive[slot] = sumColumn(columns, capacity + slot, capacity * 2);
        }
        // The thread may have died in the middle of a change.
        balancer.rebuild();
      }),
    takeOver: (old) =>
      locked(() => {
        for (const [slot, count] of old.mine.active.entries()) add(set.active, mineActive, slot, count);
        for (const [slot, count] of old.mine.inactive.entries()) add(set.inactive, mineInactive, slot, count);
        balancer.rebuild();
      }),
  };
}

/** The memory of a pool and how it is laid out. */
export interface PoolMemory {
  readonly memory: ArrayBufferLike;
  readonly layout: PoolLayout;
}

/**
 * Fills the memory of an empty pool from one that it is to replace: the list with its weights and thresholds, which clients
 * are remembered, and where the algorithm stays the same, its state. Counts are left to the threads, which bring their own
 * by `takeOver`. The caller holds the lock of the old memory.
 *
 * @param to at least the capacity of `from`.
 */
export function carryPool(from: PoolMemory, to: PoolMemory, random: Random): void {
  const [old, next] = [offsetsOf(from.layout), offsetsOf(to.layout)];
  const oldSet = viewBackendSet(from.memory, old.set, from.layout.capacity);
  const set = viewBackendSet(to.memory, next.set, to.layout.capacity);
  const { create, stateWords } = algorithm(to.layout.algorithm, to.layout.options);
  const state = new Int32Array(to.memory, next.state, stateWords(to.layout.capacity));
  if (from.layout.algorithm === to.layout.algorithm) {
    state.set(new Int32Array(from.memory, old.state, stateWords(from.layout.capacity)));
  }
  copyBackends(oldSet, set);
  create(set, state, random).rebuild();
  if (from.layout.affinitySeconds > 0 && to.layout.affinitySeconds > 0) {
    new Uint8Array(to.memory, next.affinity).set(new Uint8Array(from.memory, old.affinity));
  }
}

function sumColumn(all: Int32Array, first: number, stride: number): number {
  let sum = 0;
  for (let at = first; at < all.length; at += stride) sum += all[at]!;
  return sum;
}
