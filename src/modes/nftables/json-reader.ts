import { SluiceError } from "../../core/errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Where in which text a value stands. */
export interface Place {
  readonly file: string;
  /** Such as `nftables[3].rule.expr`. */
  readonly field: string;
}

export function inside({ file, field }: Place, member: string | number): Place {
  return { file, field: typeof member === "number" ? `${field}[${member}]` : `${field}.${member}` };
}

export function dumpInvalid({ file, field }: Place, expected: string, received: unknown): SluiceError<"INPUT_INVALID"> {
  const shown = JSON.stringify(received) ?? "nothing";
  const details = { file, line: undefined, column: undefined, field, expected, received: shown };
  return new SluiceError("INPUT_INVALID", `${file}: ${field}: expected ${expected}, got ${shown}`, details);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function readObject(value: unknown, place: Place): JsonObject {
  if (!isObject(value)) throw dumpInvalid(place, "an object", value);
  return value;
}

export function readText(object: JsonObject, member: string, place: Place): string {
  const value = object[member];
  if (typeof value !== "string") throw dumpInvalid(inside(place, member), "a text", value);
  return value;
}

export function readList(object: JsonObject, member: string, place: Place): readonly unknown[] {
  const value = object[member] ?? [];
  if (!Array.isArray(value)) throw dumpInvalid(inside(place, member), "a list", value);
  return value;
}

/** @returns undefined where there is no such member. */
export function readOptional(object: JsonObject, member: string, type: "string", place: Place): string | undefined;
export function readOptional(object: JsonObject, member: string, type: "number", place: Place): number | undefined;
export function readOptional(object: JsonObject, member: string, type: "string" | "number", place: Place): unknown {
  const value = object[member];
  if (value !== undefined && typeof value !== type) {
    throw dumpInvalid(inside(place, member), type === "string" ? "a text" : "a number", value);
  }
  return value;
}

/** One text stands for a list of one. */
export function readTexts(object: JsonObject, member: string, place: Place): readonly string[] {
  const value = object[member] ?? [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((text) => {
    if (typeof text !== "string") throw dumpInvalid(inside(place, member), "texts", value);
    return text;
  });
}

/** The members of an object that have no name of these; undefined: there are none. */
export function membersBesides(object: JsonObject, known: ReadonlySet<string>): JsonObject | undefined {
  const rest = Object.entries(object).filter(([name]) => !known.has(name));
  return rest.length === 0 ? undefined : Object.fromEntries(rest);
}

/** Leaves out what is undefined. */
export function present<T extends object>(members: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}
