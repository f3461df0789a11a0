import { mkdir, open, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { SluiceError } from "../core/errors.ts";

/** A file that a result goes to when there is one. */
export interface ResultFile {
  write(document: string): Promise<void>;
  /** There is no result: takes the file away again, unless it was there before. Safe to call after `write`. */
  abandon(): Promise<void>;
}

/**
 * Makes sure that a file can be written, which is better found out before a measurement than after it. What is in it
 * already stays until there is something to write.
 *
 * @throws {SluiceError} OUTPUT_UNWRITABLE.
 */
export async function openResultFile(file: string): Promise<ResultFile> {
  let ours = false;
  await attempt(file, async () => {
    await mkdir(dirname(file), { recursive: true });
    ours = !(await exists(file));
    await (await open(file, "a")).close();
  });
  return {
    async write(document) {
      await attempt(file, () => writeFile(file, document));
      ours = false;
    },
    async abandon() {
      if (ours) await rm(file, { force: true });
      ours = false;
    },
  };
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

async function attempt(file: string, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new SluiceError("OUTPUT_UNWRITABLE", `cannot write ${file}: ${reason}`, { file, reason }, { cause });
  }
}
