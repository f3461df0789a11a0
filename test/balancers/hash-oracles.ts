import type { BackendSet } from "../../src/balancers/backend-set.ts";
import { listed } from "../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import type { Ip } from "../../src/net/ip.ts";
import type { Oracle } from "./oracles.ts";
import { sipHashBigInt } from "./siphash-bigint.ts";

const WORD = 1n << 32n;

/** The exclusive or of the 32-bit words of an address. */
function folded(ip: Ip): bigint {
  return typeof ip === "number" ? BigInt(ip) : BigInt(ip.w0) ^ BigInt(ip.w1) ^ BigInt(ip.w2) ^ BigInt(ip.w3);
}

function takesFlows(set: BackendSet, slot: number): boolean {
  return set.weight[slot]! > 0 && set.overloaded[slot] === 0;
}

interface HashFlags {
  readonly port: boolean;
  readonly fallback: boolean;
}

/** The table of sh and dh: round the list, so many buckets in a row for each. */
function buckets(slots: readonly number[], turns: (slot: number) => number): number[] {
  const table: number[] = [];
  while (slots.length > 0 && table.length < 256) {
    for (const slot of slots) table.push(...Array.from({ length: Math.min(turns(slot), 256) }, () => slot));
  }
  return table.slice(0, 256);
}

function bucketOf(word: bigint): number {
  return Number((((word % WORD) * 0x61c88647n) % WORD) >> 24n);
}

export function sourceHashing(set: BackendSet, { port, fallback }: HashFlags): Oracle {
  let table: number[] = [];
  return {
    edited: () => (table = buckets(listed(set), (slot) => Math.max(set.weight[slot]!, 1))),
    pick({ src, srcPort }) {
      const hash = bucketOf(folded(src) + BigInt(port ? srcPort : 0));
      const further = Array.from({ length: fallback ? 256 : 0 }, (_, k) => (2 * hash + k) % 256);
      const tried = [hash, ...further].map((bucket) => table[bucket]).filter((slot) => slot !== undefined);
      return tried.find((slot) => takesFlows(set, slot)) ?? NO_BACKEND;
    },
  };
}

export function destinationHashing(set: BackendSet): Oracle {
  let table: number[] = [];
  return {
    edited: () => (table = buckets(listed(set), () => 1)),
    pick({ dst }) {
      const slot = table[bucketOf(folded(dst))];
      return slot !== undefined && takesFlows(set, slot) ? slot : NO_BACKEND;
    },
  };
}

const sizes = [251, 509, 1021, 2039, 4093, 8191, 16_381, 32_749, 65_521, 131_071];

/** Remembers what it hashed: a trace builds many tables of the same servers. */
function maglevHash(key: bigint): (word: bigint) => number {
  const known = new Map<bigint, number>();
  const bytes = Buffer.alloc(4);
  return (sum) => {
    const word = sum % WORD;
    let hash = known.get(word);
    if (hash === undefined) {
      bytes.writeUInt32LE(Number(word));
      hash = Number(sipHashBigInt(1, 3, [key, key], bytes) % WORD);
      known.set(word, hash);
    }
    return hash;
  };
}
const first = maglevHash(2_654_435_761n);
const second = maglevHash(2_654_446_892n);

export function maglevHashing(set: BackendSet, { port, fallback }: HashFlags, tableIndex: number): Oracle {
  const size = sizes[tableIndex - 8]!;
  const lastWeight = new Map<number, number>();
  const ages = new Map<number, number>();
  let table: number[] = [];

  const rememberWeights = (): void => {
    for (const slot of listed(set)) {
      const isNew = ages.get(slot) !== set.age[slot];
      ages.set(slot, set.age[slot]!);
      if (isNew || set.weight[slot]! > 0) lastWeight.set(slot, set.weight[slot]!);
    }
  };
  const build = (): number[] => {
    const slots = listed(set).filter((slot) => lastWeight.get(slot)! > 0);
    const divisor = slots.map((slot) => lastWeight.get(slot)!).reduce(gcd, 0);
    const parts = (slot: number): number => lastWeight.get(slot)! / divisor;
    const bits = Math.max(0, ...slots.map(parts)).toString(2).length;
    const shift = Math.max(0, bits - (tableIndex >> 1));
    const wishes = slots.map((slot) => {
      const word = BigInt(set.identityLow[slot]! >>> 0);
      return {
        slot,
        turns: Math.max(1, parts(slot) >> shift),
        at: first(word) % size,
        skip: (second(word) % (size - 1)) + 1,
      };
    });
    const built = Array.from<number | undefined>({ length: size });
    let filled = 0;
    while (wishes.length > 0) {
      for (const wish of wishes) {
        for (let turn = 0; turn < wish.turns; turn += 1) {
          while (built[wish.at] !== undefined) wish.at = (wish.at + wish.skip) % size;
          built[wish.at] = wish.slot;
          filled += 1;
          if (filled === size) return built as number[];
        }
      }
    }
    return [];
  };
  return {
    edited() {
      rememberWeights();
      table = build();
    },
    pick({ src, srcPort }) {
      const word = folded(src) + BigInt(port ? srcPort : 0);
      const hash = first(word) % size;
      if (table.length === 0) return NO_BACKEND;
      if (takesFlows(set, table[hash]!)) return table[hash]!;
      for (let k = 0; k < (fallback ? size : 0); k += 1) {
        const slot = table[first(word + BigInt((hash + k) % size)) % size]!;
        if (takesFlows(set, slot)) return slot;
      }
      return NO_BACKEND;
    },
  };
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
