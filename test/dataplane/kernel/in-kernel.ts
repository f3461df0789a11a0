/** A kernel to program: network namespaces of the test's own. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";
import { isSluiceError } from "../../../src/core/errors.ts";
import { createCommands } from "../../../src/dataplane/kernel/commands.ts";
import { createIptablesProgrammer } from "../../../src/dataplane/kernel/iptables.ts";
import type { Programmer } from "../../../src/dataplane/kernel/programmer.ts";
import type { NodePlan } from "../../../src/dataplane/dataplane.ts";
import {
  createKernelDataplane,
  type KernelDataplane,
  type KernelOptions,
} from "../../../src/dataplane/kernel/kernel.ts";
import { planNode } from "../../../src/agent/plan.ts";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import { type ClusterSnapshot, snapshotOf } from "../../../src/cluster/state.ts";
import { execOk } from "../../../src/host/exec.ts";
import type { IptablesVariant } from "../../../src/host/iptables.ts";
import { createNetns, inNetns } from "../../../src/host/netns.ts";
import { buildModel } from "../../../src/model/build.ts";
import { compileIptables } from "../../../src/modes/iptables/compile.ts";
import { type IptablesOptions, resolveIptablesOptions } from "../../../src/modes/iptables/options.ts";
import type { Program } from "../../../src/modes/program.ts";
import type { Family } from "../../../src/net/ip.ts";
import { obstacleTo } from "../../support/obstacle.ts";
import type { Scenario } from "../../support/recorded-scenario.ts";
import { withAddresses } from "../../support/recorded-scenario.ts";

export const variants: readonly IptablesVariant[] = ["nf_tables", "legacy"];

/** How the commands of each variant are called. */
const tools: Readonly<Record<IptablesVariant, string>> = { nf_tables: "-nft", legacy: "-legacy" };

/** @returns what keeps such a kernel out of reach; undefined: nothing does. */
export const obstacle = (variant: IptablesVariant): Promise<string | undefined> =>
  obstacleTo(`nfacct add x && conntrack -C && iptables${tools[variant]}-save -t nat && ip netns list`);

/** A namespace with a dataplane for it, and what a test asks of it. */
export interface Kernel {
  readonly netns: string;
  readonly dataplane: KernelDataplane;
  /** Another one for the same kernel, as after a restart. */
  restarted(options?: KernelOptions): KernelDataplane;
  sh(script: string): Promise<string>;
  /** `iptables-save` of nat, filter and mangle, as the recordings have it. */
  dump(family: Family): Promise<string>;
  /** Feeds rules as another program would. */
  restore(text: string, family?: Family): Promise<void>;
}

/** A programmer whose commands are noted. */
export interface Noted {
  readonly programmer: Programmer<"iptables">;
  /** What was fed to restore commands since it was last asked, with the command before each. */
  fed(): readonly string[];
  readonly clock: ManualClock;
  readonly warnings: readonly string[];
}

/** Makes the programmer that a kernel dataplane has, for the same kernel. */
export function noted({ netns }: Kernel, variant: IptablesVariant): Noted {
  const commands = createCommands(netns, 60_000);
  const texts: string[] = [];
  const warnings: string[] = [];
  const clock = manualClock();
  const programmer = createIptablesProgrammer({
    commands: {
      ...commands,
      run(argv, input) {
        if (argv[0].endsWith("-restore")) texts.push(`${argv.join(" ")}\n${input}`);
        return commands.run(argv, input);
      },
    },
    iptables: variant,
    fullSyncPeriodMs: 3_600_000,
    staleChainsMs: 30_000,
    dry: false,
    listener: { synced() {}, reconciled() {} },
    clock,
    waitMs: () => assert.fail("it waits"),
    log: { info() {}, warn: (message) => warnings.push(message) },
  });
  return { programmer, fed: () => texts.splice(0), clock, warnings };
}

let made = 0;

/** Runs a body with a fresh kernel, which is gone afterwards. */
export async function withKernel(
  variant: IptablesVariant,
  body: (kernel: Kernel) => Promise<void>,
  options: KernelOptions = {},
): Promise<void> {
  made += 1;
  const netns = await createNetns(`sluice-test-${process.pid}-${made}`);
  const run = (...argv: [string, ...string[]]) => execOk(inNetns(netns.name, argv));
  const open = (more: KernelOptions = {}): KernelDataplane =>
    createKernelDataplane({ netns: netns.name, iptables: variant, ...options, ...more });
  const command = (family: Family): string => `${family === 4 ? "iptables" : "ip6tables"}${tools[variant]}`;
  const dataplane = open();
  try {
    await body({
      netns: netns.name,
      dataplane,
      restarted: open,
      sh: (script) => run("sh", "-c", script),
      async dump(family) {
        const all = await run(`${command(family)}-save`);
        const tables = all.split(/^(?=\*)/m).filter((table) => /^\*(?:nat|filter|mangle)\n/.test(table));
        return tables.join("");
      },
      async restore(text, family = 4) {
        await execOk(inNetns(netns.name, [`${command(family)}-restore`, "--noflush"]), { input: text });
      },
    });
  } finally {
    await dataplane.close();
    await netns.close();
  }
}

type Applied = readonly [Extract<Program, { readonly mode: "iptables" }>, NodePlan];

/** What is applied for these objects, seen on `node-a`. */
export function programOf(...objects: readonly ClusterObject[]): Applied {
  return stageProgram(snapshotOf(objects), "node-a", {});
}

/** What is applied in a scenario's stage. */
export function stageProgram(
  snapshot: ClusterSnapshot,
  nodeName: string,
  iptables: IptablesOptions,
  addresses?: Scenario["addresses"],
): Applied {
  const model = withAddresses(buildModel(snapshot, nodeName), addresses);
  const rulesets = ([4, 6] as const).map((family) => compileIptables(model, family, resolveIptablesOptions(iptables)));
  return [{ mode: "iptables", rulesets }, planNode(model, "iptables", { iptables })];
}

/** Runs a body while the host seems to lack these commands. */
export async function withoutCommands(missing: readonly string[], body: () => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-path-"));
  const before = process.env["PATH"]!;
  const taken = new Set(missing);
  for (const from of before.split(delimiter).filter((one) => existsSync(one))) {
    for (const name of readdirSync(from)) {
      if (!taken.has(name)) symlinkSync(join(from, name), join(folder, name));
      taken.add(name);
    }
  }
  process.env["PATH"] = folder;
  try {
    await body();
  } finally {
    process.env["PATH"] = before;
    rmSync(folder, { recursive: true });
  }
}

/** Asserts that an apply failed as one of this dataplane does. @returns what went wrong. */
export async function failure(applied: Promise<void>): Promise<string> {
  let what = "";
  await assert.rejects(applied, (error) => {
    if (isSluiceError(error, "DATAPLANE_FAILED")) what = error.details.what;
    return what !== "";
  });
  return what;
}
