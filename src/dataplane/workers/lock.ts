import type { Lock } from "../../core/lock.ts";

/** In the lock's word, next to the owner's number: somebody may sleep on it. */
const WAITED = 1 << 30;
/** Looks at the word before sleeping: a critical section takes about a microsecond, a sleep fifty. */
const SPINS = 400;
/** How long a sleeper trusts that it will be woken. A thread that dies wakes nobody. */
const SLEEP_MS = 20;
/** Sleeps in a row without the lock changing hands after which the control thread takes it over: one second. */
const STUCK_SLEEPS = 50;

/** Which threads are alive: one seat a thread, and a last one for the control thread. */
export interface Seats {
  readonly words: Int32Array;
}

/** Makes the seats of this many worker threads, all empty but the control thread's. */
export function createSeats(threads: number): Seats {
  const words = new Int32Array(new SharedArrayBuffer((threads + 1) * Int32Array.BYTES_PER_ELEMENT));
  words[threads] = threads + 1;
  return { words };
}

/** The number under which the control thread owns locks. */
export function controlOwner({ words }: Seats): number {
  return words.length;
}

/**
 * Seats a thread anew.
 *
 * @param life counts the threads that have had this seat: 0, 1, …
 * @returns the number under which it owns locks; no other thread ever has it.
 */
export function takeSeat({ words }: Seats, seat: number, life: number): number {
  const owner = seat + 1 + life * words.length;
  Atomics.store(words, seat, owner);
  return owner;
}

/** Declares the thread of a seat dead: whoever waits for a lock of it takes it over. */
export function leaveSeat({ words }: Seats, seat: number): void {
  Atomics.store(words, seat, 0);
}

/**
 * A lock for memory that threads share: its word lies at byte 0 of the memory, zero is free. It spins for a moment and
 * then sleeps; a lock whose owner has left its seat passes to the next who asks.
 *
 * The control thread hears of a death only when it is not waiting here, so it takes a lock over that has not changed
 * hands for a second.
 */
export function sharedLock(memory: ArrayBufferLike, seats: Seats, owner: number): Lock {
  const word = new Int32Array(memory, 0, 1);
  const patience = owner === controlOwner(seats) ? STUCK_SLEEPS : Infinity;

  const swap = (from: number, to: number): boolean => Atomics.compareExchange(word, 0, from, to) === from;
  const spin = (): boolean => {
    for (let look = 0; look < SPINS; look += 1) {
      if (Atomics.load(word, 0) === 0 && swap(0, owner)) return true;
    }
    return false;
  };
  const isDead = (held: number): boolean => {
    const holder = held & ~WAITED;
    return Atomics.load(seats.words, (holder - 1) % seats.words.length) !== holder;
  };
  /** Whoever has slept takes the lock as waited for: others may be asleep still. */
  const sleepUntilOurs = (): void => {
    for (let stuck = 0; ;) {
      const held = Atomics.load(word, 0);
      if (held === 0 || stuck >= patience || isDead(held)) {
        if (swap(held, owner | WAITED)) return;
      } else if ((held & WAITED) !== 0 || swap(held, held | WAITED)) {
        const woken = Atomics.wait(word, 0, held | WAITED, SLEEP_MS) !== "timed-out";
        stuck = woken ? 0 : stuck + 1;
      }
    }
  };

  return {
    acquire() {
      if (!spin()) sleepUntilOurs();
    },
    release() {
      for (;;) {
        const held = Atomics.load(word, 0);
        // Taken over: it is no longer ours to release.
        if ((held & ~WAITED) !== owner) return;
        if (!swap(held, 0)) continue;
        if ((held & WAITED) !== 0) Atomics.notify(word, 0, 1);
        return;
      }
    },
  };
}
