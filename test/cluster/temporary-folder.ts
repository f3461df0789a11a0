import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A folder that goes when the process does. */
export const temporaryFolder: string = mkdtempSync(join(tmpdir(), "sluice-cluster-"));
process.on("exit", () => rmSync(temporaryFolder, { recursive: true, force: true }));

/** Writes a file in it, and the folders on the way. @returns its path. */
export function put(name: string, content: string | Buffer): string {
  const path = join(temporaryFolder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}
