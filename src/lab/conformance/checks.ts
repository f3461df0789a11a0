import { MAX_WEIGHT } from "../../balancers/backend-set.ts";
import { MAX_THRESHOLD } from "../../balancers/thresholds.ts";
import type { Check } from "../../cluster/read/checks.ts";
import type { Fields } from "../../cluster/read/fields.ts";
import type { SocketAddr } from "../../net/flow.ts";
import { type Ip, tryParseIp } from "../../net/ip.ts";
import type { ServerCounts } from "./vector.ts";

function whole(most: number): Check<number> {
  return { expected: `a whole number in 0…${most}`, read: (value) => (isWhole(value, most) ? value : undefined) };
}

function isWhole(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

const LARGEST = 2 ** 31 - 1;

/** Ids of servers and connections, counts, times. */
export const number = whole(LARGEST);
export const numbers: Check<readonly number[]> = {
  expected: "a list of whole numbers",
  read: (value) => (Array.isArray(value) && value.every((one) => isWhole(one, LARGEST)) ? value : undefined),
};
const port = whole(65_535);
export const weight = whole(MAX_WEIGHT);
export const threshold = whole(MAX_THRESHOLD);

const ip: Check<Ip> = {
  expected: "an IPv4 or IPv6 address",
  read: (value) => (typeof value === "string" ? tryParseIp(value) : undefined),
};

export const pick: Check<number | null> = {
  expected: "the id of a server, or null",
  read: (value) => (value === null || isWhole(value, LARGEST) ? value : undefined),
};

export const counts: Check<readonly ServerCounts[] | null> = {
  expected: "a list of [id, active, inactive], or null",
  read: (value) => (value === null || (Array.isArray(value) && value.every(isCounts)) ? value : undefined),
};

function isCounts(value: unknown): value is ServerCounts {
  return Array.isArray(value) && value.length === 3 && value.every((one) => isWhole(one, LARGEST));
}

/** @param ipKey the name of the address's field. */
export function socketAddr(fields: Fields, ipKey: string): SocketAddr {
  return { ip: fields.required(ipKey, ip), port: fields.required("port", port) };
}
