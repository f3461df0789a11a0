import type { Key } from "../text/document.ts";
import type { Check } from "./checks.ts";

/** A field that is not what it must be. `located` says where it stands. */
export class WrongField extends Error {
  readonly path: readonly Key[];
  readonly expected: string;
  readonly received: string;

  constructor(path: readonly Key[], expected: string, received: unknown) {
    super(`${formatPath(path)}: expected ${expected}`);
    this.path = path;
    this.expected = expected;
    this.received = describe(received);
  }
}

/**
 * A map of the input, read field by field; a field that is unset, missing or null, reads as undefined or empty, as with
 * the API server. Fields that nobody asks for are left alone. All methods throw WrongField.
 */
export class Fields {
  private readonly map: Readonly<Record<string, unknown>>;
  private readonly around: Fields | undefined;
  /** From the map around it, or from the document's root, to this one. */
  private readonly steps: readonly Key[];

  private constructor(map: unknown, around: Fields | undefined, steps: readonly Key[]) {
    this.around = around;
    this.steps = steps;
    if (!isMap(map)) throw new WrongField(this.path(), "a map", map);
    this.map = map;
  }

  /** @param steps lead from the document's root to the value. */
  static of(value: unknown, ...steps: readonly Key[]): Fields {
    return new Fields(value, undefined, steps);
  }

  /** The names of all fields that are there, be they null. */
  get names(): readonly string[] {
    return Object.keys(this.map);
  }

  /** Whether the field is set. */
  has(key: string): boolean {
    return this.map[key] !== undefined && this.map[key] !== null;
  }

  /** Whether the field is there, be it null. */
  mentions(key: string): boolean {
    return Object.hasOwn(this.map, key);
  }

  optional<T>(key: string, check: Check<T>): T | undefined {
    const value = this.map[key];
    if (value === undefined || value === null) return undefined;
    return check.read(value) ?? this.fail(key, check.expected);
  }

  required<T>(key: string, check: Check<T>): T {
    return this.optional(key, check) ?? this.fail(key, check.expected);
  }

  /** One of some names. An empty text is unset, as it is to the API server. */
  choice<T>(key: string, check: Check<T>): T | undefined {
    return this.map[key] === "" ? undefined : this.optional(key, check);
  }

  /** A list of scalars. @param first of what kind the first one must be, where that is not as the others. */
  list<T>(key: string, check: Check<T>, first = check): readonly T[] | undefined {
    return this.values(key)?.map((value, i) => {
      const { read, expected } = i === 0 ? first : check;
      const result = read(value);
      if (result === undefined) throw new WrongField(this.path(key, i), expected, value);
      return result;
    });
  }

  /** A list of anything. */
  values(key: string): readonly unknown[] | undefined {
    if (!this.has(key)) return undefined;
    const value = this.map[key];
    return Array.isArray(value) ? value : this.fail(key, "a list");
  }

  /** A map; empty where it is unset. */
  child(key: string): Fields {
    return new Fields(this.map[key] ?? {}, this, [key]);
  }

  /** A list of maps; empty where it is unset. */
  children(key: string): readonly Fields[] {
    return (this.values(key) ?? []).map((value, i) => new Fields(value, this, [key, i]));
  }

  /** A map of texts; empty where it is unset. A null in it is an empty text, as with the API server. */
  texts(key: string): Readonly<Record<string, string>> {
    const { map } = this.child(key);
    const entries = Object.entries(map).map(([name, value]): [string, string] => {
      if (typeof value !== "string" && value !== null) throw new WrongField(this.path(key, name), "a string", value);
      return [name, value ?? ""];
    });
    return Object.fromEntries(entries);
  }

  /** @throws {WrongField} always: the field is not what it must be for a reason that lies outside of it. */
  fail(key: string, expected: string): never {
    throw new WrongField(this.path(key), expected, this.map[key]);
  }

  private path(...last: readonly Key[]): Key[] {
    return [...(this.around?.path() ?? []), ...this.steps, ...last];
  }
}

/** `items[3].spec.ports[0].port`, `metadata.labels["app.kubernetes.io/name"]`; empty for the root. */
export function formatPath(path: readonly Key[]): string {
  const step = (key: Key): string => {
    if (typeof key === "number") return `[${key}]`;
    return /^\w+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  };
  return path.map(step).join("").replace(/^\./, "");
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

const SHOWN_LENGTH = 60;

/** What stands there, in a few words that hold no control characters. */
function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") {
    return JSON.stringify(value.length <= SHOWN_LENGTH ? value : `${value.slice(0, SHOWN_LENGTH)}…`);
  }
  if (Array.isArray(value)) return "a list";
  if (typeof value !== "object" || value === null) return String(value);
  return isMap(value) ? "a map" : `a ${value.constructor.name}`;
}
