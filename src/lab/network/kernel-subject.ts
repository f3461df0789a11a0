import type { NodePlan } from "../../dataplane/dataplane.ts";
import { createKernelDataplane } from "../../dataplane/kernel/kernel.ts";
import type { ListenerStatus } from "../../dataplane/workers/status.ts";
import { exec } from "../../host/exec.ts";
import { findIptables, type IptablesVariant } from "../../host/iptables.ts";
import type { Mode } from "../../modes/program.ts";
import type { Log } from "../../core/log.ts";
import { noTrouble, type ServingDataplane } from "../open-subjects.ts";

/**
 * The kernel of a node of ours: a mode's rules at their own virtual addresses. They go when the node goes.
 *
 * @param variant of iptables. @default whichever `iptables` is
 */
export function createKernelSubject(
  netns: string,
  mode: Mode,
  variant: IptablesVariant | undefined,
  log: Log,
): ServingDataplane {
  const dataplane = createKernelDataplane({
    netns,
    log: { info() {}, warn: log.warn },
    ...(variant === undefined ? {} : { iptables: variant }),
  });
  let plan: NodePlan | undefined;
  let engine = "kernel";
  return {
    name: "kernel",
    async apply(program, given) {
      await dataplane.apply(program, given);
      plan = given;
      engine = `kernel: ${await programmerOf(mode, variant, netns)}`;
    },
    status: () => ({ engine, placement: "", notEmulated: [], counters: noTrouble, listeners: listenersOf(plan) }),
    close: () => dataplane.close(),
  };
}

/** Rules take what is sent to a virtual address, wherever it is. */
export function listenersOf(plan: NodePlan | undefined): readonly ListenerStatus[] {
  const frontends = plan?.frontends ?? [];
  return frontends.map((frontend) => ({ frontend, at: frontend.addr, workers: [], reason: undefined }));
}

/** The command that put the rules there, and its version. */
export async function programmerOf(mode: Mode, variant: IptablesVariant | undefined, netns: string): Promise<string> {
  if (mode === "nftables") return firstLine(["nft", "--version"]);
  if (mode === "ipvs") return firstLine(["ipvsadm", "--version"]);
  const { version, variant: found } = await findIptables(4, variant, netns);
  return `iptables v${version} (${found})`;
}

async function firstLine(argv: readonly [string, ...string[]]): Promise<string> {
  return (await exec(argv)).stdout.split("\n")[0]!.trim();
}
