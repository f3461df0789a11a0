/** Things that are over after a while, unless they are armed again. */
export class Timers<T extends object> {
  /** By time-out: when each thing that was armed with it is over, in that order. */
  readonly #queues = new Map<number, Map<T, number>>();
  readonly #queueOf = new Map<T, Map<T, number>>();

  /**
   * Arms a thing, or arms it again. O(1).
   *
   * @param fromMs when its time begins; not before that of any thing armed earlier.
   * @param timeoutMs at least 0; Infinity: never over.
   */
  arm(item: T, fromMs: number, timeoutMs: number): void {
    this.disarm(item);
    let queue = this.#queues.get(timeoutMs);
    if (queue === undefined) this.#queues.set(timeoutMs, (queue = new Map()));
    queue.set(item, fromMs + timeoutMs);
    this.#queueOf.set(item, queue);
  }

  disarm(item: T): void {
    this.#queueOf.get(item)?.delete(item);
    this.#queueOf.delete(item);
  }

  /** When an armed thing is over; Infinity for one that is not armed. */
  endOf(item: T): number {
    return this.#queueOf.get(item)?.get(item) ?? Infinity;
  }

  /** The armed thing that is over first, if it is over by now. O(different time-outs). */
  due(nowMs: number): T | undefined {
    let first: T | undefined;
    let firstEndMs = nowMs;
    for (const queue of this.#queues.values()) {
      const head = queue.entries().next();
      if (head.done === true || head.value[1] > firstEndMs) continue;
      if (first !== undefined && head.value[1] === firstEndMs) continue;
      [first, firstEndMs] = head.value;
    }
    return first;
  }
}
