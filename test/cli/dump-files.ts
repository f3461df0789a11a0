import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Suite } from "../support/suite.ts";

/** Where a suite puts its dumps. */
export interface DumpFiles {
  readonly folder: string;
  /** @returns the path of a new file with this text. */
  file(text: string): string;
}

/** Makes a folder that goes when the suite is done. */
export function dumpFiles(test: Suite): DumpFiles {
  const folder = mkdtempSync(join(tmpdir(), "sluice-dumps-"));
  test.after(() => rmSync(folder, { recursive: true }));
  let files = 0;
  return {
    folder,
    file(text) {
      files += 1;
      const path = join(folder, `${files}.txt`);
      writeFileSync(path, text);
      return path;
    },
  };
}
