import { SluiceError } from "../../core/errors.ts";
import { formatIp, type Ip, isLoopback } from "../../net/ip.ts";
import { addMarked, readHostAddresses, removeMarked } from "./host-addresses.ts";
import { createNamespaceLock } from "./namespace-lock.ts";
import { workersFailed } from "./workers-failed.ts";

/** Virtual addresses that are this host's own while we serve them. */
export interface LocalAddresses {
  /** Whether an address is the host's own without us, as of now. */
  readForeign(): Promise<(ip: Ip) => boolean>;
  /**
   * Makes addresses local; those that are so already stay as they are. The first time it becomes the only one of us in
   * this network namespace: whatever one that was killed has left is ours from then on.
   *
   * @returns what was added.
   * @throws {SluiceError} COMMAND_FAILED, then nothing was added; DATAPLANE_FAILED when another one of us is at work
   *   here; HOST_UNABLE where there is no `ip`.
   */
  add(ips: readonly Ip[]): Promise<readonly Ip[]>;
  /**
   * Makes addresses of ours foreign again. What others have removed or added meanwhile is none of our business.
   *
   * @throws {SluiceError} DATAPLANE_FAILED when one of them is still there.
   */
  remove(ips: readonly Ip[]): Promise<void>;
  /** What was added or taken over, and not removed. */
  readonly ours: readonly Ip[];
  /** Removes all that is ours, and lets another one have its turn. @throws {SluiceError} as `remove`. */
  close(): Promise<void>;
}

/** @throws {SluiceError} HOST_UNABLE unless we are root. */
export function createLocalAddresses(): LocalAddresses {
  if (process.getuid?.() !== 0) {
    throw new SluiceError("HOST_UNABLE", "only root can make virtual addresses local", { missing: "root" });
  }
  const turn = createNamespaceLock(
    "sluice-local-addresses",
    "another sluice serves cluster IPs in this network namespace; stop it, or use a namespace of its own",
  );
  const ours = new Map<string, Ip>();

  const remove = async (ips: readonly Ip[]): Promise<void> => {
    if (ips.length === 0) return;
    const present = async (): Promise<readonly Ip[]> => {
      const { marked } = await readHostAddresses();
      return ips.filter((ip) => marked.has(formatIp(ip)));
    };
    const said = await removeMarked(await present());
    const left = await present();
    for (const ip of ips) if (!left.includes(ip)) ours.delete(formatIp(ip));
    if (left.length > 0) throw workersFailed(`cannot remove ${left.map(formatIp).join(", ")}: ${said}`);
  };
  return {
    readForeign: async () => (await readHostAddresses()).isForeign,
    async add(ips) {
      await turn.take();
      const { marked, isForeign } = await readHostAddresses();
      // Nobody else of us is alive here: what carries our mark is ours, or was left by one that was killed.
      for (const [text, ip] of marked) ours.set(text, ip);
      const once = new Map(ips.map((ip) => [formatIp(ip), ip]));
      const missing = [...once].flatMap(([text, ip]) =>
        isLoopback(ip) || marked.has(text) || isForeign(ip) ? [] : [ip],
      );
      for (const ip of missing) ours.set(formatIp(ip), ip);
      try {
        await addMarked(missing);
      } catch (error) {
        // Some of them may have been added before one failed.
        await remove(missing).catch(() => {});
        throw error;
      }
      return missing;
    },
    remove,
    get ours() {
      return [...ours.values()];
    },
    async close() {
      try {
        await remove([...ours.values()]);
      } finally {
        await turn.release();
      }
    },
  };
}
