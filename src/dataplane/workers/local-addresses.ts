import { SluiceError } from "../../core/errors.ts";
import { execOk } from "../../host/exec.ts";
import { type Family, familyOf, formatIp, type Ip, isLoopback } from "../../net/ip.ts";

/** Virtual addresses that are this host's own while we serve them. */
export interface LocalAddresses {
  /**
   * Makes addresses local; those that are so already stay as they are, and are nobody's of ours.
   *
   * @returns what was added.
   * @throws {SluiceError} COMMAND_FAILED; then nothing was added. HOST_UNABLE where there is no `ip`.
   */
  add(ips: readonly Ip[]): Promise<readonly Ip[]>;
  /** Undoes `add`, for those that it added. */
  remove(ips: readonly Ip[]): Promise<void>;
  /** What was added and not removed. */
  readonly ours: readonly Ip[];
}

/** Marks our routes, so that those of a process that was killed are known and taken over. */
const ROUTE_PROTOCOL = "83";
const families: readonly Family[] = [4, 6];

/** @throws {SluiceError} HOST_UNABLE unless we are root. */
export function createLocalAddresses(): LocalAddresses {
  if (process.getuid?.() !== 0) {
    throw new SluiceError("HOST_UNABLE", "only root can make virtual addresses local", { missing: "root" });
  }
  const ours = new Map<string, Ip>();

  const remove = async (ips: readonly Ip[]): Promise<void> => {
    const known = ips.filter((ip) => ours.delete(formatIp(ip)));
    await batch("del", known);
  };
  return {
    async add(ips) {
      const local = await localAddresses();
      const once = new Map(ips.map((ip) => [formatIp(ip), ip]));
      const missing = [...once].flatMap(([text, ip]) =>
        isLoopback(ip) || ours.has(text) || local.foreign.has(text) ? [] : [ip],
      );
      for (const ip of missing) ours.set(formatIp(ip), ip);
      try {
        await batch(
          "add",
          missing.filter((ip) => !local.left.has(formatIp(ip))),
        );
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
  };
}

/** The kernel binds IPv4 to a local route, IPv6 only to an address of an interface. */
function command(verb: "add" | "del", ip: Ip): string {
  const address = formatIp(ip);
  return familyOf(ip) === 4
    ? `route ${verb} local ${address}/32 dev lo proto ${ROUTE_PROTOCOL}`
    : `address ${verb} ${address}/128 dev lo${verb === "add" ? " nodad" : ""}`;
}

async function batch(verb: "add" | "del", ips: readonly Ip[]): Promise<void> {
  for (const family of families) {
    const lines = ips.filter((ip) => familyOf(ip) === family).map((ip) => `${command(verb, ip)}\n`);
    // Removing goes on after a failure: somebody else may have removed one.
    const flags = verb === "add" ? [] : ["-force"];
    if (lines.length > 0) await execOk(["ip", `-${family}`, ...flags, "-batch", "-"], { input: lines.join("") });
  }
}

interface Local {
  /** Left by one of us that was killed. */
  readonly left: ReadonlySet<string>;
  readonly foreign: ReadonlySet<string>;
}

async function localAddresses(): Promise<Local> {
  const left = new Set<string>();
  const foreign = new Set<string>();
  for (const family of families) {
    const routes = await execOk(["ip", `-${family}`, "-json", "route", "show", "table", "local", "type", "local"]);
    for (const { dst, protocol } of JSON.parse(routes || "[]") as readonly { dst: string; protocol: string }[]) {
      (protocol === ROUTE_PROTOCOL ? left : foreign).add(dst);
    }
  }
  return { left, foreign };
}
