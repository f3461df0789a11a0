import { decodeUtf8 } from "./decode-utf8.ts";
import { findInput, readInput, STDIN } from "./input-files.ts";
import { lookAtInput } from "./look.ts";
import type { ClusterObject } from "./objects.ts";
import { parseObjects } from "./parse.ts";
import { type ClusterSnapshot, snapshotOf } from "./state.ts";

export interface LoadedCluster {
  readonly snapshot: ClusterSnapshot;
  /** Objects of kinds that a proxy does not read: their number by kind. */
  readonly ignored: ReadonlyMap<string, number>;
  /** What it was loaded from, in order; `-` for standard input. */
  readonly files: readonly LoadedFile[];
  /** Of the files before they were read; undefined for what cannot be followed. */
  readonly fingerprint: string | undefined;
}

interface LoadedFile {
  readonly path: string;
  /** It has no content: no document, or only comments. */
  readonly blank: boolean;
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
  const input = await findInput(paths);
  // What cannot be looked at, as standard input, cannot be followed; one that is gone by now fails below.
  const fingerprint = await lookAtInput(input).then(
    (look) => look.fingerprint,
    () => undefined,
  );
  const ignored = new Map<string, number>();
  const objects: ClusterObject[] = [];
  const files: LoadedFile[] = [];
  for (const file of input.files) {
    const name = file === STDIN ? "stdin" : file;
    const parsed = parseObjects(decodeUtf8(await readInput(file, io.stdin), name), name);
    files.push({ path: file, blank: parsed.blank });
    for (const object of parsed.objects) objects.push(object);
    for (const [kind, count] of parsed.ignored) ignored.set(kind, (ignored.get(kind) ?? 0) + count);
  }
  return { snapshot: snapshotOf(objects), ignored, files, fingerprint };
}
