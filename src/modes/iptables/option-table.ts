import type { Said } from "./foreign.ts";
import type { ValueText } from "./option-values.ts";

/** One option of a match or target. */
export interface Option<T> {
  readonly flag: string;
  /** Other names that a text may use; they are never written. */
  readonly aliases: readonly string[];
  readonly value: ValueText<unknown>;
  /** Its field is a `Said`: it may be turned round. */
  readonly turns: boolean;
  /** For the type alone. */
  readonly of?: T;
}

/** The options of one kind by its fields, in the order in which iptables-save prints them. */
export type OptionTable<Kind> = {
  readonly [F in Exclude<keyof Kind, "kind" | "proto" | "family">]-?: Option<NonNullable<Kind[F]>>;
};

type AnyTable = Readonly<Record<string, Option<unknown>>>;

export function option<T>(flag: string, value: ValueText<T>, ...aliases: readonly string[]): Option<T> {
  return { flag, aliases, value: value as ValueText<unknown>, turns: false };
}

/** An option that may have a `!` before it. */
export function turned<T>(flag: string, value: ValueText<T>, ...aliases: readonly string[]): Option<Said<T>> {
  return { flag, aliases, value: value as ValueText<unknown>, turns: true };
}

/**
 * Reads the options of one kind, in any order, each at most once.
 *
 * @returns its fields; undefined when there is anything that the table does not have.
 */
export function readOptions(args: readonly string[], table: AnyTable): Record<string, unknown> | undefined {
  const byFlag = flagsOf(table);
  const fields: Record<string, unknown> = {};
  for (let at = 0; at < args.length; at += 1) {
    const not = args[at] === "!";
    if (not) at += 1;
    const field = byFlag.get(args[at] ?? "");
    if (field === undefined || field in fields) return undefined;
    const { value, turns } = table[field]!;
    if ((not && !turns) || at + value.words >= args.length) return undefined;
    const read = value.read(args[at + 1] ?? "", args[at + 2] ?? "");
    if (read === undefined) return undefined;
    at += value.words;
    if (!turns) fields[field] = read;
    else fields[field] = not ? { not: read } : { is: read };
  }
  return fields;
}

/** Writes the options that have a value, each behind a blank. */
export function writeOptions(fields: object, table: AnyTable): string {
  let text = "";
  for (const [field, { flag, value, turns }] of Object.entries(table)) {
    const given = (fields as Readonly<Record<string, unknown>>)[field];
    if (given === undefined) continue;
    const said = turns ? (given as Said<unknown>) : { is: given };
    const written = value.write("is" in said ? said.is : said.not);
    text += `${"is" in said ? "" : " !"} ${flag}${written === "" ? "" : ` ${written}`}`;
  }
  return text;
}

const known = new WeakMap<AnyTable, ReadonlyMap<string, string>>();

/** The field of each flag of a table, made once. */
function flagsOf(table: AnyTable): ReadonlyMap<string, string> {
  let byFlag = known.get(table);
  if (byFlag === undefined) {
    byFlag = new Map(
      Object.entries(table).flatMap(([field, { flag, aliases }]) => [flag, ...aliases].map((one) => [one, field])),
    );
    known.set(table, byFlag);
  }
  return byFlag;
}
