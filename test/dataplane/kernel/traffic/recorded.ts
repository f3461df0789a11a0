/** What real clients met behind a real kube-proxy, as test/golden/behaviours has it. */
import { readFileSync } from "node:fs";
import { planNode } from "../../../../src/agent/plan.ts";
import type { ClusterObject } from "../../../../src/cluster/objects.ts";
import { objectKey, snapshotOf } from "../../../../src/cluster/state.ts";
import type { NodePlan } from "../../../../src/dataplane/dataplane.ts";
import { buildModel } from "../../../../src/model/build.ts";
import { compileProgram } from "../../../../src/modes/compile.ts";
import type { Program } from "../../../../src/modes/program.ts";
import { parseIp } from "../../../../src/net/ip.ts";
import { readRecordedConfig } from "../../../support/kube-proxy-config.ts";
import { readObjects } from "../../../support/recorded-scenario.ts";
import { inProject } from "../../../support/root.ts";
import type { Place } from "./network.ts";

export type RecordedMode = "iptables" | "nftables";

/** What happened in one mode. */
export interface Seen {
  /** Of a check over time or by HTTP there are none. */
  readonly attempts?: number;
  readonly backends?: Readonly<Record<string, number>>;
  readonly sourceSeenByBackend?: Readonly<Record<string, readonly string[]>>;
  readonly errors?: Readonly<Record<string, number>>;
  /** Client addresses of an affinity check. */
  readonly addresses?: number;
}

export interface Check extends Readonly<Record<RecordedMode, Seen>> {
  readonly check: string;
  readonly from: Place;
  readonly proto: "tcp" | "udp";
  /** Undefined for a check by HTTP. */
  readonly target?: string;
  readonly clientAddress?: string;
  readonly clientAddresses?: number;
}

export interface Behaviour {
  readonly name: string;
  readonly checks: readonly Check[];
}

const folder = inProject("test", "golden", "behaviours");

export const { behaviours } = JSON.parse(readFileSync(`${folder}/behaviours.json`, "utf8")) as {
  readonly behaviours: readonly Behaviour[];
};

/** The node's addresses, among them its ends of the pods' links. */
const nodeAddresses = ["192.168.10.5", "10.244.1.1", "fd00:192:168:10::5", "fd00:10:244:1::1"].map((ip) => parseIp(ip));

/** The program of a behaviour's objects. @param step applied to them before; undefined: none. */
export function programOf(name: string, mode: RecordedMode, step?: string): readonly [Program, NodePlan] {
  const { nodeName, iptables, nftables } = readRecordedConfig(`${folder}/${name}/config.yaml`);
  const objects = new Map<string, ClusterObject>();
  const files = ["objects.yaml", ...(step === undefined ? [] : [`steps/${step}.apply.yaml`])];
  for (const one of files.flatMap((file) => readObjects(`${folder}/${name}/${file}`))) objects.set(objectKey(one), one);
  const model = buildModel(snapshotOf(objects.values()), nodeName);
  const onNode = { ...model, node: { ...model.node, addresses: nodeAddresses } };
  const options = { iptables, nftables };
  return [compileProgram(mode, onNode, options), planNode(onNode, mode, options)];
}
