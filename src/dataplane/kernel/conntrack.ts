import { isSluiceError } from "../../core/errors.ts";
import { type Family, formatIp } from "../../net/ip.ts";
import type { UdpService } from "../dataplane.ts";
import { type ConntrackFlow, readConntrack } from "./conntrack-list.ts";
import type { KernelHost } from "./programmer.ts";
import { staleUdpFlows } from "./stale-udp.ts";

/** Makes the kernel forget UDP flows that rules changed under. */
export interface StaleUdp {
  /**
   * Looks only when there are other endpoints than the last time it looked. Rules are in force already, so a failure
   * is told and nothing else; the next call tries again.
   *
   * @param families those whose rules are in force.
   */
  clear(families: readonly Family[], services: readonly UdpService[]): Promise<void>;
}

export function createStaleUdp(host: KernelHost): StaleUdp {
  const cleared = new Map<Family, string>();
  return {
    async clear(families, services) {
      for (const family of families) {
        const own = services.filter(({ addrs }) => addrs.some(({ ip }) => (typeof ip === "number" ? 4 : 6) === family));
        const key = JSON.stringify(own);
        if (key === (cleared.get(family) ?? "[]")) continue;
        if (await clearFamily(family, own, host)) cleared.set(family, key);
      }
    },
  };
}

/** @returns whether it could be done. */
async function clearFamily(family: Family, services: readonly UdpService[], host: KernelHost): Promise<boolean> {
  const { clock, listener } = host;
  const beganMs = clock.nowMs();
  try {
    const listed = await host.commands.ok(["conntrack", "-L", "-p", "udp", "-f", `ipv${family}`]);
    const stale = staleUdpFlows(readConntrack(listed), services).map((one) => deletion(one, family));
    if (stale.length > 0) await forget(stale, host);
    listener.reconciled(family, clock.nowMs() - beganMs, stale.length);
    return true;
  } catch (error) {
    if (!isSluiceError(error, "HOST_UNABLE") && !isSluiceError(error, "DATAPLANE_FAILED")) throw error;
    host.log.warn(`stale UDP flows of IPv${family} are not forgotten: ${error.message}`);
    return false;
  }
}

type Deletion = readonly [string, ...string[]];

/** All in one run, where conntrack can take them from a file; that is since 1.4.7. */
async function forget(stale: readonly Deletion[], { commands }: KernelHost): Promise<void> {
  const text = stale.map((words) => `${words.join(" ")}\n`).join("");
  const { exitCode } = await commands.run(["conntrack", "-R", "-"], text);
  if (exitCode === 0) return;
  for (const words of stale) {
    const { exitCode: code, stderr } = await commands.run(["conntrack", ...words]);
    // One that is gone already is forgotten as well.
    if (code !== 0 && !stderr.includes("0 flow entries")) await commands.ok(["conntrack", ...words]);
  }
}

/** By all that tells it from others, so that nothing else goes. */
function deletion({ original, reply }: ConntrackFlow, family: Family): Deletion {
  const [from, to, answering, answered] = [original.src, original.dst, reply.src, reply.dst];
  const words = [
    `-D -f ipv${family} -p udp`,
    `-s ${formatIp(from.ip)} -d ${formatIp(to.ip)} --sport ${from.port} --dport ${to.port}`,
    `-r ${formatIp(answering.ip)} -q ${formatIp(answered.ip)}`,
    `--reply-port-src ${answering.port} --reply-port-dst ${answered.port}`,
  ];
  return words.join(" ").split(" ") as [string, ...string[]];
}
