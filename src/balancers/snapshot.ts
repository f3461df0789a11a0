import { balancerInvalid } from "../core/errors.ts";
import { formatIp, type Ip, tryParseIp } from "../net/ip.ts";
import { readBackendSpecs } from "./backend-spec.ts";
import type { SavedBackend, SavedTable } from "./backend-table.ts";
import type { Algorithm } from "./balancer.ts";
import type { RememberedClient } from "./client-affinity.ts";
import type { Template } from "./client-persistence.ts";
import { sipHash } from "./siphash.ts";

const VERSION = 1;

/**
 * All that a balancer is, as data that JSON can keep, but for its random source. Times are those of its clock. To be
 * kept, not to be edited: a sum guards what is in it.
 */
export interface BalancerSnapshot extends SavedTable {
  /** Of this form. */
  readonly version: typeof VERSION;
  /** The name of the algorithm. */
  readonly algorithm: string;
  /** With every default filled in. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Who is sent where by affinity. */
  readonly clients: readonly ClientSnapshot[];
  /** Who is sent where by persistence. */
  readonly templates: readonly TemplateSnapshot[];
  /** A hash of all the rest. */
  readonly sum: number;
}

/** A client that affinity remembers. */
export interface ClientSnapshot extends Omit<RememberedClient, "client"> {
  /** Its address. */
  readonly client: string;
}

/** A client that persistence remembers. */
export interface TemplateSnapshot extends Omit<Template, "client"> {
  /** What of its address counts. */
  readonly client: string;
}

/** What a snapshot must be of. */
interface Kind {
  readonly algorithm: Algorithm;
  /** Of the balancer as a whole. */
  readonly options: Readonly<Record<string, unknown>>;
}

export function takeSnapshot(
  { algorithm, options }: Kind,
  table: SavedTable,
  remembered: readonly RememberedClient[],
  persistent: readonly Template[],
): BalancerSnapshot {
  const clients = remembered.map((one) => ({ ...one, client: formatIp(one.client) }));
  const templates = persistent.map((one) => ({ ...one, client: formatIp(one.client) }));
  const sum = sumOf(table, clients, templates);
  return { version: VERSION, algorithm: algorithm.name, options, ...table, clients, templates, sum };
}

/**
 * Checks a snapshot whole.
 *
 * @throws {SluiceError} BALANCER_INVALID for what is no snapshot, or one of another algorithm or of other options.
 */
export function readSnapshot(
  kind: Kind,
  snapshot: BalancerSnapshot,
): {
  readonly table: SavedTable;
  readonly clients: readonly RememberedClient[];
  readonly templates: readonly Template[];
} {
  if (typeof snapshot !== "object" || snapshot === null) throw balancerInvalid("snapshot", "a snapshot", snapshot);
  const { version, algorithm, options, capacity, backends, free, state, clients, templates, sum } = snapshot;
  expect(version === VERSION, "version", String(VERSION), version);
  expect(algorithm === kind.algorithm.name, "algorithm", kind.algorithm.name, algorithm);
  expect(sameOptions(kind.options, options), "options", JSON.stringify(kind.options), options);
  expect(isWhole(capacity, 2 ** 24) && capacity > 0, "capacity", "a whole number in 1…2²⁴", capacity);
  expectList(state, "state", (word) => isWhole(Math.abs(word as number), 2 ** 31));
  const words = kind.algorithm.stateWords(capacity);
  expect(state.length === words, "state", `${words} words for ${capacity} slots`, state.length);
  expectList(backends, "backends", isBackend);
  readBackendSpecs(backends.map(({ id, weight, upper, lower }) => ({ id, weight, upper, lower })));
  expectList(free, "free", (slot) => isWhole(slot, capacity));
  const slots = [...backends.map(({ slot }) => slot), ...free].sort((a, b) => a - b);
  const each = slots.length === capacity && slots.every((slot, index) => slot === index);
  expect(each, "free", "with the backends' slots, each slot once", free);
  expectList(clients, "clients", (client) => isClient(client, backends));
  expectList(templates, "templates", isTemplate);
  const table = { capacity, backends, free, state };
  expect(sum === sumOf(table, clients, templates), "sum", "the sum of a snapshot that was not changed", sum);
  return { table, clients: clients.map(withAddress), templates: templates.map(withAddress) };
}

function expect(holds: boolean, field: string, expected: string, received: unknown): asserts holds {
  if (!holds) throw balancerInvalid(`snapshot.${field}`, expected, received);
}

function expectList(
  list: unknown,
  field: string,
  isOne: (one: unknown) => boolean,
): asserts list is readonly unknown[] {
  expect(Array.isArray(list), field, "a list", list);
  const wrong = list.findIndex((one) => !isOne(one));
  expect(wrong < 0, `${field}[${wrong}]`, "what a snapshot has there", list[wrong]);
}

function sameOptions(a: Readonly<Record<string, unknown>>, b: unknown): boolean {
  if (typeof b !== "object" || b === null) return false;
  const sorted = (options: object): string => JSON.stringify(Object.entries(options).sort());
  return sorted(a) === sorted(b);
}

function isWhole(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function isBackend(value: unknown): value is SavedBackend {
  if (typeof value !== "object" || value === null) return false;
  const { active, overloaded, listed } = value as SavedBackend;
  const used = listed === true || (active as number) > 0;
  return isWhole(active, 2 ** 31 - 1) && typeof overloaded === "boolean" && typeof listed === "boolean" && used;
}

function isClient(value: unknown, backends: readonly SavedBackend[]): value is ClientSnapshot {
  if (typeof value !== "object" || value === null) return false;
  const { client, slot, sinceMs, untilMs } = value as ClientSnapshot;
  const known = backends.some((backend) => backend.listed && backend.slot === slot);
  const times = Number.isFinite(sinceMs) && Number.isFinite(untilMs);
  return isAddress(client) && known && times;
}

function isTemplate(value: unknown): value is TemplateSnapshot {
  if (typeof value !== "object" || value === null) return false;
  const { client, backend, timeoutMs, untilMs, leases } = value as TemplateSnapshot;
  const times = Number.isFinite(timeoutMs) && timeoutMs > 0 && Number.isFinite(untilMs);
  return isAddress(client) && typeof backend === "string" && times && isWhole(leases, 2 ** 31 - 1);
}

function isAddress(value: unknown): boolean {
  return typeof value === "string" && tryParseIp(value) !== undefined;
}

function withAddress<T extends { readonly client: string }>(one: T): Omit<T, "client"> & { readonly client: Ip } {
  return { ...one, client: tryParseIp(one.client)! };
}

const hash = sipHash(2, 4, [0, 0, 0, 0]);

/** Whatever order the fields were kept in. */
function sumOf(
  { capacity, backends, free, state }: SavedTable,
  clients: readonly ClientSnapshot[],
  templates: readonly TemplateSnapshot[],
): number {
  const rows = backends.map(({ id, slot, weight, upper, lower, active, overloaded, listed }) => {
    return [id, slot, weight, upper, lower, active, overloaded, listed];
  });
  const remembered = clients.map(({ client, slot, sinceMs, untilMs }) => [client, slot, sinceMs, untilMs]);
  const persistent = templates.map(({ client, backend, timeoutMs, untilMs, leases }) => {
    return [client, backend, timeoutMs, untilMs, leases];
  });
  const text = JSON.stringify([capacity, rows, free, state, remembered, persistent]);
  return hash(new TextEncoder().encode(text)).low;
}
