import { setSysctls, type Sysctl } from "../../host/sysctl.ts";
import type { NodePlan } from "../dataplane.ts";
import type { KernelHost } from "./programmer.ts";

/** The size of conntrack's hash table, which is one for all network namespaces. */
const BUCKETS = "/sys/module/nf_conntrack/parameters/hashsize";

/** What packets need of the kernel besides rules. */
export interface HostSettings {
  /**
   * Sets what does not have its value yet; the same settings again cost nothing. Buckets that cannot be had are told of,
   * and no more: rules work with fewer.
   *
   * @throws {SluiceError} COMMAND_FAILED
   */
  set(plan: Pick<NodePlan, "sysctls" | "conntrackBuckets">): Promise<void>;
}

export function createHostSettings(host: KernelHost): HostSettings {
  const { commands, dry, log } = host;
  let inForce: readonly Sysctl[] = [];
  let tried = 0;
  return {
    async set({ sysctls = [], conntrackBuckets = 0 }) {
      if (!same(sysctls, inForce)) {
        const write = (file: string, value: string): Promise<string> => commands.ok(["tee", file], value);
        const changed = await setSysctls(sysctls, commands.netns, write);
        for (const { path, value } of dry ? [] : changed) log.info(`sysctl ${path} = ${value}`);
        inForce = sysctls;
      }
      if (conntrackBuckets > tried) await widenConntrack(conntrackBuckets, host);
      tried = conntrackBuckets;
    },
  };
}

/** Source: kube-proxy 1.36, cmd/kube-proxy/app/conntrack.go, `SetMax`, which ends where this goes on. */
async function widenConntrack(buckets: number, { commands, dry, log }: KernelHost): Promise<void> {
  const { stdout } = await commands.run(["cat", BUCKETS]);
  if (Number(stdout) >= buckets) return;
  const { exitCode, stderr } = await commands.run(["tee", BUCKETS], String(buckets));
  if (exitCode !== 0) log.warn(`conntrack does not get ${buckets} buckets: ${stderr.trim()}`);
  else if (!dry) log.info(`${BUCKETS} = ${buckets}`);
}

function same(a: readonly Sysctl[], b: readonly Sysctl[]): boolean {
  return a.length === b.length && a.every(({ path, value }, i) => path === b[i]!.path && value === b[i]!.value);
}
