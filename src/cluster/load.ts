import { decodeUtf8 } from "./decode-utf8.ts";
import { findInput, readInput, STDIN } from "./input-files.ts";
import type { ClusterObject } from "./objects.ts";
import { parseObjects } from "./parse.ts";
import { type ClusterSnapshot, snapshotOf } from "./state.ts";

interface LoadedCluster {
  readonly snapshot: ClusterSnapshot;
  /** Objects of kinds that a proxy does not read: their number by kind. */
  readonly ignored: ReadonlyMap<string, number>;
}

/** Where input comes from that is no file. */
interface LoadIo {
  /** Everything on standard input. @default the process's own */
  readonly stdin?: () => Promise<Buffer>;
}

/**
 * Loads a cluster from files, folders and standard input; all of it or nothing.
 *
 * @param paths files (YAML or JSON), folders (their `*.yaml`, `*.yml` and `*.json`, in order of name, and those of the
 *   folders within) or `-` for standard input. Of an object that stands twice, the later one counts.
 * @throws {SluiceError} INPUT_UNREADABLE for a file that cannot be read and for a folder without a file to read;
 *   INPUT_INVALID, with the place, for the first thing in them that is not what it must be.
 *
 * Cost: see `parseObjects`. It holds one file's text at a time.
 */
export async function loadCluster(paths: readonly string[], io: LoadIo = {}): Promise<LoadedCluster> {
  const ignored = new Map<string, number>();
  const objects: ClusterObject[] = [];
  const { files } = await findInput(paths);
  for (const file of files) {
    const name = file === STDIN ? "stdin" : file;
    const parsed = parseObjects(decodeUtf8(await readInput(file, io.stdin), name), name);
    for (const object of parsed.objects) objects.push(object);
    for (const [kind, count] of parsed.ignored) ignored.set(kind, (ignored.get(kind) ?? 0) + count);
  }
  return { snapshot: snapshotOf(objects), ignored };
}
