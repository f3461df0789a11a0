import { isDeepStrictEqual } from "node:util";
import { unshared } from "../unshared.ts";
import { elementsByKey } from "./element-key.ts";
import { isServiceChain } from "./names.ts";
import type { Chain, Element, NamedObject, NamedSet, Table } from "./ruleset.ts";
import type { Command, Transaction } from "./transaction.ts";

/** One thing of a name before and after. */
interface Pair<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}
type SetPair = Pair<NamedSet>;
type ChainPair = Pair<Chain>;

/**
 * The table from nothing, whatever the kernel has of this name: that is deleted, and with it what its sets remember.
 */
export function fullTransaction(table: Table): Transaction {
  const { commands } = changes(undefined, table);
  return { table, commands: [{ kind: "add-table" }, { kind: "delete-table" }, ...commands] };
}

/**
 * What has to be done to a table so that another one comes out: as many commands as there are differences, none where
 * there are none. Elements come and go one by one; a chain of which a rule differs is emptied and filled anew.
 *
 * Chains of service ports and endpoints that are not wanted any more are emptied and left for `planSync` to delete:
 * before Linux 6.2 the kernel learns only later that no element leads there. Elements of sets with time-outs are
 * packets' doing and left alone. Comments of chains, sets and tables cannot be changed, and make no difference.
 *
 * Chains and elements that are the very same (`===`) before and after cost a walk, others O(before + after). Order:
 * references go first, and come last.
 *
 * @param before undefined: the kernel has no such table.
 */
export function changes(before: Table | undefined, after: Table): Transaction {
  const sets = pairs(before?.sets ?? [], after.sets);
  const remade = new Set(sets.filter(isRemade).map(({ after: set }) => set!.name));
  const chains = pairs(before?.chains ?? [], after.chains);
  const refilled = chains.filter((pair) => isRefilled(pair, remade));
  const objects = pairs(before?.objects ?? [], after.objects).filter((pair) => !isSameObject(pair));
  const commands: Command[] = [
    ...(before === undefined ? [tableCommand(after)] : []),
    ...refilled.flatMap(emptied),
    ...sets.flatMap(lostElements),
    ...sets.flatMap(deletedSet),
    ...chains.flatMap(deletedChain),
    ...objects.flatMap(({ before: object }) => (object === undefined ? [] : [objectCommand("delete-object", object)])),
    ...objects.flatMap(({ after: object }) => (object === undefined ? [] : [objectCommand("add-object", object)])),
    ...sets.flatMap(addedSet),
    ...chains.flatMap(addedChain),
    ...sets.flatMap(newElements),
    ...refilled.flatMap(filled),
  ];
  return { table: after, commands };
}

function tableCommand({ comment }: Table): Command {
  return comment === undefined ? { kind: "add-table" } : { kind: "add-table", comment };
}

/** What is the very same before and after (`===`) makes none. */
function pairs<T extends { readonly name: string }>(before: readonly T[], after: readonly T[]): readonly Pair<T>[] {
  const differing = unshared(before, after);
  const known = new Map(differing.before.map((one) => [one.name, one]));
  const kept = differing.after.map((one) => {
    const was = known.get(one.name);
    known.delete(one.name);
    return { before: was, after: one };
  });
  return [...Array.from(known.values(), (one) => ({ before: one, after: undefined })), ...kept];
}

function objectCommand(kind: "add-object" | "delete-object", object: NamedObject): Command {
  return { kind, object };
}

/** What it counts makes no difference. */
function isSameObject({ before, after }: Pair<NamedObject>): boolean {
  return before !== undefined && after !== undefined && before.type === after.type;
}

/** Whether a set is there before and after, and can only be had by deleting and making it. */
function isRemade({ before, after }: SetPair): boolean {
  if (before === undefined || after === undefined) return false;
  return !isDeepStrictEqual(nature(before), nature(after));
}

/** nft's JSON, up to 1.0.6 at least, does not say which sets are dynamic. */
function nature({ key, data, flags, size, statements }: NamedSet): unknown {
  return { key, data, size, statements, flags: flags.filter((flag) => flag !== "dynamic").toSorted() };
}

function isRefilled({ before, after }: ChainPair, remade: ReadonlySet<string>): boolean {
  if (before === undefined || after === undefined) return (before ?? after)!.rules.length > 0;
  if (!isDeepStrictEqual(before.base, after.base)) return true;
  return !isDeepStrictEqual(before.rules, after.rules) || (remade.size > 0 && namesOne(after, remade));
}

/** Whether a rule of the chain names one of the sets. */
function namesOne({ rules }: Chain, sets: ReadonlySet<string>): boolean {
  const searched: unknown[] = [rules];
  for (const value of searched) {
    if (typeof value === "string" && sets.has(value.replace(/^@/, ""))) return true;
    if (typeof value === "object" && value !== null) searched.push(...Object.values(value));
  }
  return false;
}

function emptied({ before }: ChainPair): readonly Command[] {
  return before === undefined || before.rules.length === 0 ? [] : [{ kind: "flush-chain", name: before.name }];
}

function deletedChain({ before, after }: ChainPair): readonly Command[] {
  if (before === undefined) return [];
  const gone = after === undefined ? !isServiceChain(before.name) : !isDeepStrictEqual(before.base, after.base);
  return gone ? [{ kind: "delete-chain", name: before.name }] : [];
}

function addedChain({ before, after }: ChainPair): readonly Command[] {
  if (after === undefined) return [];
  const isThere = before !== undefined && isDeepStrictEqual(before.base, after.base);
  return isThere ? [] : [{ kind: "add-chain", chain: after }];
}

function filled({ after }: ChainPair): readonly Command[] {
  if (after === undefined) return [];
  return after.rules.map((rule) => ({ kind: "add-rule", chain: after.name, rule }));
}

function deletedSet(pair: SetPair): readonly Command[] {
  const { before, after } = pair;
  return before !== undefined && (after === undefined || isRemade(pair)) ? [{ kind: "delete-set", set: before }] : [];
}

function addedSet(pair: SetPair): readonly Command[] {
  const { before, after } = pair;
  if (after === undefined) return [];
  const isThere = before !== undefined && !isRemade(pair) && before.timeoutSeconds === after.timeoutSeconds;
  return isThere ? [] : [{ kind: "add-set", set: after }];
}

function lostElements(pair: SetPair): readonly Command[] {
  const { before, after } = pair;
  if (before === undefined || after === undefined || isRemade(pair) || isFilledByPackets(after)) return [];
  const differing = unshared(before.elements, after.elements);
  const wanted = elementsByKey(after, differing.after);
  return [...elementsByKey(before, differing.before)]
    .filter(([key, element]) => !isSameElement(element, wanted.get(key)))
    .map(([, element]) => ({ kind: "delete-element", set: before, element }));
}

function newElements(pair: SetPair): readonly Command[] {
  const { before, after } = pair;
  if (after === undefined) return [];
  if (before === undefined || isRemade(pair)) return after.elements.map((element) => addition(after, element));
  if (isFilledByPackets(after)) return [];
  const differing = unshared(before.elements, after.elements);
  const known = elementsByKey(before, differing.before);
  return [...elementsByKey(after, differing.after)]
    .filter(([key, element]) => !isSameElement(element, known.get(key)))
    .map(([, element]) => addition(after, element));
}

function addition(set: NamedSet, element: Element): Command {
  return { kind: "add-element", set, element };
}

function isFilledByPackets({ flags }: NamedSet): boolean {
  return flags.includes("timeout");
}

function isSameElement(a: Element, b: Element | undefined): boolean {
  return b !== undefined && a.comment === b.comment && isDeepStrictEqual(a.data, b.data);
}
