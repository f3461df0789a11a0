import { type FSWatcher, watch } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { configInvalid } from "../core/errors.ts";
import { findFollowable, STDIN, unreadable } from "./input-files.ts";
import { loadCluster, type LoadedCluster } from "./load.ts";
import { lookAt } from "./look.ts";
import { shareObjects } from "./share-objects.ts";
import { type ClusterSnapshot, emptySnapshot } from "./state.ts";

export interface WatchOptions {
  /** What the caller has loaded from these paths already: it is not reported again, nor read before it has changed. */
  readonly current?: LoadedCluster;
  /** Called with every new state, the first one included. */
  onChange(snapshot: ClusterSnapshot): void;
  /** Called when the input cannot be loaded; the last snapshot stays good. */
  onError(error: Error): void;
  /** Called when it can be loaded again; before `onChange`, if it says something new by then. */
  onRecovery?(): void;
  /** How often the files are looked at where the system reports no change, in ms. @default 2000 */
  readonly pollMs?: number;
}

/** Files have to be as they are for this long before they are read, in ms: an editor writes in several steps. */
const QUIET_MS = 50;
/** Files that never come to rest are read all the same after this many looks. */
const MAX_LOOKS = 20;

/**
 * Follows the files and folders of a cluster. Each time they have changed, all of them are loaded anew; a state that
 * equals the last one is not reported, and in one that does not, the objects that are as before are the same (`===`).
 *
 * Input that is on its way is no state: while a named file or folder is missing, while a file that had content has none
 * (as when a shell has opened it for a command that has not written yet), and while something in it is wrong, the last
 * snapshot stays good. A file that leaves a folder in which others stay is gone, with its objects; a List without items
 * is content, and says that there are none.
 *
 * @param paths as `loadCluster` takes them, without standard input.
 * @throws {SluiceError} CONFIG_INVALID for standard input. What goes wrong later is told to `onError`.
 */
export function watchCluster(paths: readonly string[], options: WatchOptions): { close(): void } {
  if (paths.includes(STDIN)) throw configInvalid("paths", "files or folders, which can be watched", STDIN);
  const cluster = new ClusterWatch(paths, options);
  cluster.look();
  return { close: () => cluster.close() };
}

class ClusterWatch {
  private readonly paths: readonly string[];
  private readonly options: Omit<WatchOptions, "current">;
  private readonly watchers = new Map<string, { readonly inode: bigint; readonly watcher: FSWatcher }>();
  private timer: NodeJS.Timeout | undefined;
  private looking = false;
  private changedMeanwhile = false;
  private closed = false;
  private loaded = "";
  /** What was loaded last and was good. */
  private current: LoadedCluster | undefined;
  private broken = false;

  constructor(paths: readonly string[], { current, ...options }: WatchOptions) {
    this.paths = paths;
    this.options = options;
    this.current = current;
    this.loaded = current?.fingerprint ?? "";
  }

  /** Something may have changed. */
  look(): void {
    this.changedMeanwhile = true;
    if (!this.looking) void this.follow();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    for (const { watcher } of this.watchers.values()) watcher.close();
  }

  private async follow(): Promise<void> {
    this.looking = true;
    clearTimeout(this.timer);
    while (this.changedMeanwhile && !this.closed) {
      this.changedMeanwhile = false;
      const fingerprint = await this.rest();
      if (fingerprint === this.loaded || this.closed) continue;
      this.loaded = fingerprint;
      await this.load();
    }
    this.looking = false;
    if (!this.closed) this.timer = setTimeout(() => this.look(), this.options.pollMs ?? 2000);
  }

  /** Waits until the files are at rest. @returns their fingerprint. */
  private async rest(): Promise<string> {
    // What changes after the look below is reported by then.
    if (this.watchers.size === 0) this.listen((await lookAt(this.paths)).folders ?? new Map());
    let { fingerprint, folders } = await lookAt(this.paths);
    if (folders !== undefined) this.listen(folders);
    for (let looks = 1; fingerprint !== this.loaded && looks < MAX_LOOKS && !this.closed; looks += 1) {
      await new Promise((resolve) => {
        this.timer = setTimeout(resolve, QUIET_MS);
      });
      const before = fingerprint;
      ({ fingerprint, folders } = await lookAt(this.paths));
      if (folders !== undefined) this.listen(folders);
      if (fingerprint === before) break;
    }
    return fingerprint;
  }

  private async load(): Promise<void> {
    const result = await this.read().catch((error: Error) => error);
    if (this.closed) return;
    if (result instanceof Error) {
      this.broken = true;
      return this.options.onError(result);
    }
    const snapshot = shareObjects(this.current?.snapshot ?? emptySnapshot, result.snapshot);
    const same = isDeepStrictEqual(snapshot, this.current?.snapshot);
    this.current = { ...result, snapshot };
    if (this.broken) this.options.onRecovery?.();
    this.broken = false;
    if (!same) this.options.onChange(snapshot);
  }

  /** Nothing is opened that may not end. */
  private async read(): Promise<LoadedCluster> {
    await findFollowable(this.paths);
    const loaded = await loadCluster(this.paths);
    const hadContent = new Set(this.current?.files.filter(({ blank }) => !blank).map(({ path }) => path));
    const emptied = loaded.files.find(({ path, blank }) => blank && hadContent.has(path));
    if (emptied !== undefined)
      throw unreadable(emptied.path, "empty, and was not before; a List without items would say that nothing is there");
    return loaded;
  }

  /** Has the system report changes in these folders, and in no others. */
  private listen(folders: ReadonlyMap<string, bigint>): void {
    for (const [path, { inode, watcher }] of this.watchers) {
      if (folders.get(path) === inode) continue;
      watcher.close();
      this.watchers.delete(path);
    }
    for (const [path, inode] of folders) {
      if (!this.closed && !this.watchers.has(path)) this.listenTo(path, inode);
    }
  }

  private listenTo(path: string, inode: bigint): void {
    try {
      const watcher = watch(path, () => this.look());
      // A folder that went away, or a system that is out of watches: the regular looks go on.
      watcher.on("error", () => watcher.close());
      this.watchers.set(path, { inode, watcher });
    } catch {
      // As above.
    }
  }
}
