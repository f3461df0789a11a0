import { type BackendSet, holds, listed } from "../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import { formatIp, type Ip } from "../../src/net/ip.ts";
import type { Oracle } from "./oracles.ts";

const MINUTE = 60_000;
const CHAINS = 1024;
const AT_EASE = 16_384;
const MOST = 24_576;

interface Entry {
  readonly chain: number;
  usedMs: number;
}

/** Entries by destination address, and the timer that sweeps them each minute from the first flow on. */
class Destinations<E extends Entry> {
  readonly entries = new Map<string, E>();
  readonly #expirationMs: number;
  #sweepMs: number | undefined;
  #counter = 1;
  #rover = 0;

  constructor(expirationMs: number) {
    this.#expirationMs = expirationMs;
  }

  find(ip: Ip, nowMs: number): E | undefined {
    this.#sweepMs ??= nowMs + MINUTE;
    for (; this.#sweepMs <= nowMs; this.#sweepMs += MINUTE) this.#sweep(this.#sweepMs);
    const entry = this.entries.get(formatIp(ip));
    if (entry !== undefined) entry.usedMs = nowMs;
    return entry;
  }

  add(ip: Ip, entry: E): void {
    if (this.entries.size < MOST) this.entries.set(formatIp(ip), entry);
  }

  #sweep(nowMs: number): void {
    if (this.#counter % 30 === 0) {
      this.#removeIdle(nowMs);
      this.#counter = 1;
    } else if (this.entries.size <= AT_EASE) this.#counter += 1;
    else this.#removeSome(nowMs);
  }

  #removeSome(nowMs: number): void {
    let goal = Math.min(Math.floor(((this.entries.size - AT_EASE) * 4) / 3), AT_EASE / 2);
    const idle = [...this.entries].filter(([, { usedMs }]) => nowMs >= usedMs + 6 * MINUTE);
    const chains = new Map<number, string[]>();
    for (const [address, { chain }] of idle) chains.set(chain, [...(chains.get(chain) ?? []), address]);
    for (let looks = 0; looks < CHAINS && goal > 0; looks += 1) {
      this.#rover = (this.#rover + 1) % CHAINS;
      const gone = chains.get(this.#rover) ?? [];
      for (const address of gone) this.entries.delete(address);
      goal -= gone.length;
    }
  }

  #removeIdle(nowMs: number): void {
    for (const [address, { usedMs }] of this.entries) {
      if (nowMs >= usedMs + this.#expirationMs) this.entries.delete(address);
    }
  }
}

function chainOf(ip: Ip): number {
  const word = typeof ip === "number" ? BigInt(ip) : BigInt(ip.w0) ^ BigInt(ip.w1) ^ BigInt(ip.w2) ^ BigInt(ip.w3);
  return Number(((word * 0x61c88647n) % (1n << 32n)) >> 22n);
}

/** Loads as the kernel compares them: by cross-multiplied products. */
class Loads {
  readonly set: BackendSet;
  readonly #perActive: bigint;

  constructor(set: BackendSet, perActive: number) {
    this.set = set;
    this.#perActive = BigInt(perActive);
  }

  /** Whether `a` is loaded less than `b`, relative to their weights. */
  isLess(a: number, b: number): boolean {
    return this.#overhead(a) * this.#weight(b) < this.#overhead(b) * this.#weight(a);
  }

  least(slots: readonly number[]): number {
    let least = NO_BACKEND;
    for (const slot of slots) {
      if (!holds(this.set, slot) || this.set.overloaded[slot] !== 0 || this.set.weight[slot] === 0) continue;
      if (least === NO_BACKEND || this.isLess(slot, least)) least = slot;
    }
    return least;
  }

  isTooLoaded(slot: number): boolean {
    const { active, weight } = this.set;
    return active[slot]! > weight[slot]! && listed(this.set).some((other) => active[other]! * 2 < weight[other]!);
  }

  #overhead(slot: number): bigint {
    return this.#perActive * BigInt(this.set.active[slot]!) + BigInt(this.set.inactive[slot]!);
  }

  #weight(slot: number): bigint {
    return BigInt(this.set.weight[slot]!);
  }
}

/** @param perActive 257, in kernel 6.1.176 256. */
export function localityBased(set: BackendSet, expirationMs: number, perActive = 257): Oracle {
  const map = new Destinations<Entry & { slot: number }>(expirationMs);
  const loads = new Loads(set, perActive);
  return {
    pick({ dst }, nowMs) {
      const entry = map.find(dst, nowMs);
      if (entry !== undefined) {
        const { slot } = entry;
        if (holds(set, slot) && set.weight[slot]! > 0 && !loads.isTooLoaded(slot)) return slot;
      }
      const slot = loads.least(listed(set));
      if (slot === NO_BACKEND) return NO_BACKEND;
      if (entry !== undefined) entry.slot = slot;
      else map.add(dst, { chain: chainOf(dst), usedMs: nowMs, slot });
      return slot;
    },
  };
}

interface SetEntry extends Entry {
  /** Newest first. */
  members: number[];
  changedMs: number;
}

/** @param perActive 257, in kernel 6.1.176 256. */
export function localityBasedReplicated(set: BackendSet, expirationMs: number, perActive = 257): Oracle {
  const map = new Destinations<SetEntry>(expirationMs);
  const loads = new Loads(set, perActive);
  const shrink = (entry: SetEntry, nowMs: number): void => {
    if (entry.members.length < 2 || nowMs <= entry.changedMs + expirationMs) return;
    const heavy = entry.members.filter((slot) => set.weight[slot]! > 0);
    if (heavy.length === 0) return;
    const most = heavy.reduce((a, b) => (loads.isLess(a, b) ? b : a));
    entry.members = entry.members.filter((slot) => slot !== most);
    entry.changedMs = nowMs;
  };
  return {
    pick({ dst }, nowMs) {
      const entry = map.find(dst, nowMs);
      if (entry !== undefined) {
        const member = loads.least(entry.members);
        shrink(entry, nowMs);
        if (member !== NO_BACKEND && !loads.isTooLoaded(member)) return member;
      }
      const slot = loads.least(listed(set));
      if (slot === NO_BACKEND) return NO_BACKEND;
      if (entry === undefined) map.add(dst, { chain: chainOf(dst), usedMs: nowMs, members: [slot], changedMs: nowMs });
      else if (!entry.members.includes(slot)) {
        entry.members.unshift(slot);
        entry.changedMs = nowMs;
      }
      return slot;
    },
  };
}
