import { hostCidr } from "../../net/cidr.ts";
import { type Family, familyOf, ipKey } from "../../net/ip.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { planRules } from "./plan-rules.ts";
import { type Draining, planServers } from "./plan-servers.ts";
import { planSets } from "./plan-sets.ts";
import type { KernelState } from "./state.ts";
import type { Step } from "./steps.ts";
import { DEVICE, type IpvsTimeouts, type Surroundings } from "./surroundings.ts";
import type { Sysctl } from "./sysctls.ts";
import type { IpvsTables } from "./tables.ts";

/** How a kernel comes to hold a program. */
export interface IpvsPlan {
  /** In this order: what is added, what is changed, what is taken away. */
  readonly steps: readonly Step[];
  /** Real servers that are to go once their connections are over: plan again, as kube-proxy does every minute. */
  readonly draining: readonly Draining[];
}

/**
 * Plans how a kernel comes from what it holds to the virtual servers of one family and what is around them; of the other
 * family nothing changes. A plan that was broken off is made anew from what it left.
 *
 * Pure. Time O(n log n) in what the kernel holds and what it is to hold.
 *
 * @returns no steps when the kernel holds it all.
 * @throws {SluiceError} DATAPLANE_FAILED where a set of another type has the name of one of ours.
 */
export function planIpvs(tables: IpvsTables, state: KernelState): IpvsPlan {
  const draft: PlanDraft = { prepare: [], add: [], edit: [], remove: [] };
  const { around } = tables;
  if (around !== undefined) {
    planNode(draft, around, state);
    planSets(draft, around.sets, state);
  }
  const draining = planServers(draft, tables, state);
  if (around !== undefined) {
    planAddresses(draft, tables.family, around, state);
    planRules(draft, around.rules, state);
  }
  return { steps: [...draft.prepare, ...draft.add, ...draft.edit, ...draft.remove], draining };
}

function planNode({ prepare }: PlanDraft, { sysctls, timeouts }: Surroundings, state: KernelState): void {
  for (const sysctl of sysctls) {
    const due = isFor(sysctl, state.release) && state.sysctls.get(sysctl.path) !== sysctl.value;
    if (due) prepare.push({ kind: "set-sysctl", sysctl });
  }
  if (changes(timeouts, state.timeouts)) prepare.push({ kind: "set-timeouts", timeouts });
  if (state.addresses === undefined) prepare.push({ kind: "add-device", name: DEVICE });
}

/** 0 changes nothing. */
function changes(wanted: IpvsTimeouts, present: IpvsTimeouts | undefined): boolean {
  const fields = ["tcpSeconds", "tcpFinSeconds", "udpSeconds"] as const;
  return fields.some((field) => wanted[field] !== 0 && wanted[field] !== present?.[field]);
}

function isFor({ kernels }: Sysctl, release: string): boolean {
  if (kernels === undefined) return true;
  const [from, at, below] = [kernels[0], release, kernels[1]].map(releaseNumber) as [number, number, number];
  return from <= at && at < below;
}

/** `5.9.0-1-amd64` is 5009. */
function releaseNumber(release: string): number {
  const [major, minor] = release.split(".");
  return Number(major) * 1000 + Number.parseInt(minor ?? "0", 10);
}

function planAddresses(
  { add, remove }: PlanDraft,
  family: Family,
  { addresses }: Surroundings,
  state: KernelState,
): void {
  const surplus = new Map((state.addresses ?? []).filter((ip) => familyOf(ip) === family).map((ip) => [ipKey(ip), ip]));
  for (const address of addresses) {
    const there = surplus.delete(ipKey(address.base));
    if (!there) add.push({ kind: "add-address", address, device: DEVICE });
  }
  for (const ip of surplus.values()) remove.push({ kind: "delete-address", address: hostCidr(ip), device: DEVICE });
}
