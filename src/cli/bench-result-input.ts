import { readFile } from "node:fs/promises";
import { SluiceError } from "../core/errors.ts";
import { type BenchResult, SCHEMA } from "../measure/result.ts";

/**
 * Reads a result that `sluice bench` wrote.
 *
 * @throws {SluiceError} INPUT_UNREADABLE; INPUT_INVALID when it is something else, or of another version.
 */
export async function readResult(file: string): Promise<BenchResult> {
  const text = await readFile(file, "utf8").catch((cause: Error) => {
    const reason = cause.message;
    throw new SluiceError("INPUT_UNREADABLE", `cannot read ${file}: ${reason}`, { file, reason }, { cause });
  });
  const value = parseJson(file, text);
  const isObject = typeof value === "object" && value !== null;
  if (!isObject || !("schema" in value)) throw notAResult(file, "schema", SCHEMA, isObject ? "none" : typeof value);
  if (value.schema !== SCHEMA) throw notAResult(file, "schema", SCHEMA, String(value.schema));
  requireFields(file, value as Record<string, unknown>);
  return value as unknown as BenchResult;
}

/** What entries of a list have; of "" the list may have anything. */
const lists: Readonly<Record<string, string>> = {
  cells: "subject work rate percentiles errors distribution blocks",
  works: "work protocol concurrency",
  subjects: "subject what targets",
  services: "protocol servicePort endpoints",
  limits: "work rate",
  failures: "subject work reason",
  unmeasured: "subject reason",
  notes: "",
};
const objects: Readonly<Record<string, string>> = {
  control: "reference again ratios",
  method: "seed blocks plannedBlocks fewestBlocks confidence intervals",
  environment: "commandLine processors stolenTime",
};
/** Of plans that have them. */
const sections: Readonly<Record<string, string>> = {
  faults: "method events cells",
  sharing: "method slow changes",
  scale: "points growth",
  emulated: "cells",
};

/** @throws {SluiceError} INPUT_INVALID, naming the first field that is not there. */
function requireFields(file: string, value: Record<string, unknown>): void {
  for (const [field, names] of Object.entries(lists)) {
    const list = value[field];
    if (!Array.isArray(list)) throw notAResult(file, field, "a list", kindOf(list));
    if (names !== "") for (const [at, one] of list.entries()) requireObject(file, `${field}[${at}]`, one, names);
  }
  for (const [field, names] of Object.entries(objects)) requireObject(file, field, value[field], names);
  for (const [field, names] of Object.entries(sections)) {
    if (value[field] !== undefined) requireObject(file, field, value[field], names);
  }
}

function requireObject(file: string, path: string, value: unknown, names: string): void {
  if (kindOf(value) !== "an object") throw notAResult(file, path, "an object", kindOf(value));
  const missing = names.split(" ").find((name) => !(name in (value as object)));
  if (missing !== undefined) throw notAResult(file, `${path}.${missing}`, "a value", "none");
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return "none";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notAResult(file, "document", "JSON", text === "" ? "nothing" : "something else");
  }
}

function notAResult(file: string, field: string, expected: string, received: string): SluiceError<"INPUT_INVALID"> {
  const details = { file, line: undefined, column: undefined, field, expected, received };
  return new SluiceError("INPUT_INVALID", `${file}: ${field}: expected ${expected}, got ${received}`, details);
}
