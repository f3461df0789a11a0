import type { Ip, Ip4 } from "../net/ip.ts";

/** No entry for this client. */
export const NO_ENTRY = -1;

/**
 * Who was sent where, for a while: a hash table of fixed size over one buffer, so that worker threads can share it
 * (whoever uses it holds the lock of that memory). It serves xt_recent lists, IPVS persistence templates and the
 * userspace mode's affinity. When the eight places that an entry may take are all taken, the one put longest ago goes.
 *
 * One table holds several lists of clients, told apart by a tag: any signed 32-bit number.
 */
export interface AffinityTable {
  /** @returns the value, or NO_ENTRY when there is none or it is older than it may be. O(1). */
  find(client: Ip, tag: number, nowMs: number): number;
  /** Remembers `value` (0…2³¹ − 2) until `nowMs + ttlMs`, in place of what was there. O(1). */
  put(client: Ip, tag: number, value: number, nowMs: number, ttlMs: number): void;
  /** Forgets every entry with this value, or under this tag. O(size of the table). */
  forget(which: { readonly value: number } | { readonly tag: number }): void;
  /** All that is remembered at a time, in no particular order. O(size of the table). */
  entries(nowMs: number): AffinityEntry[];
}

export interface AffinityEntry {
  readonly client: Ip;
  readonly tag: number;
  readonly value: number;
  /** When it was put. */
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** Places that one entry may take. */
const WAYS = 8;
/** Ints an entry: four words of address, tag, value + 1 (0: empty). */
const INTS = 6;
/** Doubles an entry: when it was put, until when it holds. */
const DOUBLES = 2;
const ENTRY_BYTES = INTS * 4 + DOUBLES * 8;

/** How many bytes a table takes. @param entries a power of two, at least 8. */
export function affinityTableBytes(entries: number): number {
  return entries * ENTRY_BYTES;
}

/**
 * Lays a table over memory: zeros are an empty table.
 *
 * @param byteOffset a multiple of 8.
 * @param entries a power of two, at least 8: how many clients are remembered at most.
 */
export function viewAffinityTable(buffer: ArrayBufferLike, byteOffset: number, entries: number): AffinityTable {
  const times = new Float64Array(buffer, byteOffset, entries * DOUBLES);
  const ints = new Int32Array(buffer, byteOffset + entries * DOUBLES * 8, entries * INTS);
  const groups = entries / WAYS;

  /** The entry of this key, or −1 − the best entry to overwrite. */
  const locate = (w0: number, w1: number, w2: number, w3: number, tag: number, nowMs: number): number => {
    const first =
      (mix(w0 ^ Math.imul(w1, 3) ^ Math.imul(w2, 5) ^ Math.imul(w3, 7) ^ Math.imul(tag, 11)) % groups) * WAYS;
    let victim = first;
    let victimTime = Infinity;
    for (let entry = first; entry < first + WAYS; entry += 1) {
      const at = entry * INTS;
      const used = ints[at + 5]! !== 0 && times[entry * DOUBLES + 1]! > nowMs;
      if (
        used &&
        ints[at] === w0 &&
        ints[at + 1] === w1 &&
        ints[at + 2] === w2 &&
        ints[at + 3] === w3 &&
        ints[at + 4] === tag
      ) {
        return entry;
      }
      const time = used ? times[entry * DOUBLES]! : -1;
      if (time >= victimTime) continue;
      victim = entry;
      victimTime = time;
    }
    return -1 - victim;
  };
  const locateIp = (ip: Ip, tag: number, nowMs: number): number =>
    typeof ip === "number"
      ? locate(0, 0, 0xffff, ip | 0, tag, nowMs)
      : locate(ip.w0 | 0, ip.w1 | 0, ip.w2 | 0, ip.w3 | 0, tag, nowMs);

  return {
    find(client, tag, nowMs) {
      const entry = locateIp(client, tag, nowMs);
      return entry < 0 ? NO_ENTRY : ints[entry * INTS + 5]! - 1;
    },
    put(client, tag, value, nowMs, ttlMs) {
      const found = locateIp(client, tag, nowMs);
      const entry = found < 0 ? -1 - found : found;
      const at = entry * INTS;
      const v4 = typeof client === "number";
      ints[at] = v4 ? 0 : client.w0;
      ints[at + 1] = v4 ? 0 : client.w1;
      ints[at + 2] = v4 ? 0xffff : client.w2;
      ints[at + 3] = v4 ? client : client.w3;
      ints[at + 4] = tag;
      times[entry * DOUBLES] = nowMs;
      times[entry * DOUBLES + 1] = nowMs + ttlMs;
      ints[at + 5] = value + 1;
    },
    forget(which) {
      for (let entry = 0; entry < entries; entry += 1) {
        const at = entry * INTS;
        const hit = "value" in which ? ints[at + 5] === which.value + 1 : ints[at + 4] === which.tag;
        if (hit) ints[at + 5] = 0;
      }
    },
    entries(nowMs) {
      const found: AffinityEntry[] = [];
      for (let entry = 0; entry < entries; entry += 1) {
        const at = entry * INTS;
        const untilMs = times[entry * DOUBLES + 1]!;
        if (ints[at + 5] === 0 || untilMs <= nowMs) continue;
        const client = addressOf(ints[at]!, ints[at + 1]!, ints[at + 2]!, ints[at + 3]!);
        found.push({ client, tag: ints[at + 4]!, value: ints[at + 5]! - 1, sinceMs: times[entry * DOUBLES]!, untilMs });
      }
      return found;
    },
  };
}

/** IPv4 addresses are kept as IPv6 has them mapped. */
function addressOf(w0: number, w1: number, w2: number, w3: number): Ip {
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) return (w3 >>> 0) as Ip4;
  return { w0: w0 >>> 0, w1: w1 >>> 0, w2: w2 >>> 0, w3: w3 >>> 0 };
}

/** Spreads all 32 bits over the low ones (the finaliser of MurmurHash3). @returns an unsigned number. */
function mix(word: number): number {
  let hash = word ^ (word >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
