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
  for (const field of ["cells", "works", "subjects", "services", "limits", "notes"]) {
    if (!Array.isArray((value as Record<string, unknown>)[field])) throw notAResult(file, field, "a list", "none");
  }
  for (const field of ["control", "method", "environment"]) {
    if (typeof (value as Record<string, unknown>)[field] !== "object")
      throw notAResult(file, field, "an object", "none");
  }
  return value as unknown as BenchResult;
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
