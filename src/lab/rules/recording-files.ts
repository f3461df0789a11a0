import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { isMap, parseAllDocuments } from "yaml";
import { decodeUtf8 } from "../../cluster/decode-utf8.ts";
import { inputInvalid } from "../../cluster/input-invalid.ts";
import type { SluiceError } from "../../core/errors.ts";

/** One object as the API server holds it. */
export interface RecordedObject {
  /** `apiVersion/kind/namespace/name`. */
  readonly key: string;
  readonly object: unknown;
}

/** In order of name; empty where the path is no folder. */
export function foldersIn(path: string): readonly string[] {
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  const entries = isFolder ? readdirSync(path, { withFileTypes: true }) : [];
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  return folders.sort();
}

/** Our own recorder wrote it: its shape is not checked further. */
export function readJson<T>(folder: string, file: string): T {
  try {
    return JSON.parse(textOf(folder, file)) as T;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalid(folder, file, "JSON", error.message);
  }
}

export function readObjects(folder: string, file: string, optional = false): readonly RecordedObject[] {
  const text = optional ? optionalText(folder, file) : textOf(folder, file);
  const documents = text === undefined ? [] : parseAllDocuments(text);
  return [...documents].flatMap((document) => {
    if (document.errors.length > 0) throw invalid(folder, file, "YAML", document.errors[0]!.message);
    if (!isMap(document.contents)) return [];
    return flattened(document.toJS() as ObjectHead).map((object) => ({ key: keyOf(object), object }));
  });
}

interface ObjectHead {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { readonly namespace?: string; readonly name?: string };
  readonly items?: readonly ObjectHead[];
}

function flattened(object: ObjectHead): readonly ObjectHead[] {
  return object.kind?.endsWith("List") === true ? (object.items ?? []) : [object];
}

function keyOf({ apiVersion, kind, metadata }: ObjectHead): string {
  return [apiVersion, kind, metadata?.namespace ?? "", metadata?.name].join("/");
}

export function textOf(folder: string, file: string): string {
  const text = optionalText(folder, file);
  if (text === undefined) throw invalid(folder, file, "a file of a recorded scenario", "no such file");
  return text;
}

export function optionalText(folder: string, file: string): string | undefined {
  const path = join(folder, file);
  if (existsSync(path)) return decodeUtf8(readFileSync(path), path);
  return existsSync(`${path}.gz`) ? decodeUtf8(gunzipSync(readFileSync(`${path}.gz`)), path) : undefined;
}

function invalid(folder: string, file: string, expected: string, received: string): SluiceError<"INPUT_INVALID"> {
  const place = { line: undefined, column: undefined, field: "" };
  return inputInvalid({ file: join(folder, file), ...place, expected, received });
}
