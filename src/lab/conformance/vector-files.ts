import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { decodeUtf8 } from "../../cluster/decode-utf8.ts";
import { readInput, unreadable, reading } from "../../cluster/input-files.ts";
import { parseVector } from "./parse-vector.ts";
import type { Vector } from "./vector.ts";

/**
 * The vector files that some paths stand for: a file as it is, a folder as the `*.json` in it, in order of name.
 *
 * @throws {SluiceError} INPUT_UNREADABLE for what is not there or may not be read, and for a folder without such a file.
 */
export async function findVectorFiles(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const found = await reading(path, () => stat(path));
    files.push(...(found.isDirectory() ? await within(path) : [path]));
  }
  return files;
}

async function within(folder: string): Promise<string[]> {
  const names = (await reading(folder, () => readdir(folder))).filter((name) => name.endsWith(".json"));
  if (names.length === 0) throw unreadable(folder, "no *.json in this folder");
  return names.sort().map((name) => join(folder, name));
}

/** @throws {SluiceError} INPUT_UNREADABLE; INPUT_INVALID for a file that is no vector. */
export async function loadVector(file: string): Promise<Vector> {
  return parseVector(decodeUtf8(await readInput(file), file), file);
}
