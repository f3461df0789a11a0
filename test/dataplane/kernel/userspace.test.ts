/** The rules of the userspace mode's portals, in a kernel. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { planNode } from "../../../src/agent/plan.ts";
import type { NodePlan } from "../../../src/dataplane/dataplane.ts";
import { compileProgram } from "../../../src/modes/compile.ts";
import type { Program } from "../../../src/modes/program.ts";
import { byService, programmed } from "../../modes/userspace/portal-dump.ts";
import { seen } from "../../model/seen.ts";
import { normalizeDump } from "../../support/normalize-iptables.ts";
import { node, service } from "../../support/objects.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";
import { userspaceRecordings } from "../../support/userspace-recording.ts";
import { compileStages } from "../../support/userspace-replay.ts";
import { type Kernel, obstacle, withKernel } from "./in-kernel.ts";

const missing = await obstacle("nf_tables");
const test = suite("kernel, userspace", { timeoutMs: 120_000, sampled: 5 });
const inKernel = (name: string, body: (kernel: Kernel) => Promise<void>): void =>
  missing === undefined ? test(name, () => withKernel("nf_tables", body)) : test.skip(name, missing);

const golden = inProject("test", "golden", "kube-proxy-userspace");

for (const recording of userspaceRecordings()) {
  inKernel(`after every stage of ${recording.name} the kernel holds what kube-proxy put there`, async (kernel) => {
    for (const [at, { program, plan }] of compileStages(recording).entries()) {
      await kernel.dataplane.apply(program, plan);
      const file = `${recording.stages[at]!.name}.iptables-save.txt`;
      const recorded = programmed(readFileSync(join(golden, recording.name, "expected", file), "utf8"));
      const ours = programmed(await kernel.dump(4));
      assert.equal(normalizeDump(ours, byService), normalizeDump(recorded, byService), file);
    }
  });
}

/** Rules of others, before the portals come and after. */
const foreign = `*nat
:CNI-HOSTPORT - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT
-A POSTROUTING -s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE
COMMIT
*filter
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`;

function portalsOf(...services: readonly ReturnType<typeof service>[]): readonly [Program, NodePlan] {
  const model = seen([node(), ...services]);
  return [compileProgram("userspace", model), planNode(model, "userspace")];
}

const web = service({ type: "NodePort", ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30080 }] });
const dns = service({ name: "dns", clusterIP: "10.96.0.53", ports: [{ name: "dns", protocol: "UDP", port: 53 }] });

const withoutCounters = async ({ dump }: Kernel): Promise<string> =>
  (await dump(4)).replace(/ \[\d+:\d+\]|^#.*\n/gm, "");
const rulesOf = async (kernel: Kernel, chain: string): Promise<readonly string[]> =>
  (await withoutCounters(kernel)).split("\n").filter((line) => line.startsWith(`-A ${chain} `));

inKernel("portals come before all rules of others, node ports behind them", async (kernel) => {
  await kernel.restore(foreign);
  await kernel.dataplane.apply(...portalsOf(web));
  const targets = (await rulesOf(kernel, "PREROUTING")).map((line) => line.split(" ").at(-1));
  assert.deepEqual(targets, ["KUBE-PORTALS-CONTAINER", "CNI-HOSTPORT", "KUBE-NODEPORT-CONTAINER"]);
});

inKernel("withdrawing leaves nothing of ours, and of others what was there", async (kernel) => {
  await kernel.restore(foreign);
  const before = await withoutCounters(kernel);
  await kernel.dataplane.apply(...portalsOf(web));
  assert.notEqual(await withoutCounters(kernel), before);
  await kernel.dataplane.withdraw();
  assert.equal(await withoutCounters(kernel), before);
  await kernel.dataplane.withdraw();
});

inKernel("a clean-up takes away what somebody who was killed left", async (kernel) => {
  await kernel.restore(foreign);
  const before = await withoutCounters(kernel);
  await kernel.dataplane.apply(...portalsOf(web));
  await kernel.restarted().cleanup();
  assert.equal(await withoutCounters(kernel), before);
});

inKernel("a chain to which somebody's rule leads is emptied and stays", async (kernel) => {
  await kernel.dataplane.apply(...portalsOf(web));
  await kernel.restore("*nat\n-A PREROUTING -s 10.9.0.0/16 -j KUBE-PORTALS-CONTAINER\nCOMMIT\n");
  const warnings: string[] = [];
  const log = { info() {}, warn: (text: string) => warnings.push(text) };
  await kernel.restarted({ log }).cleanup();
  assert.match(await kernel.dump(4), /^-A PREROUTING -s 10\.9\.0\.0\/16 -j KUBE-PORTALS-CONTAINER$/m);
  assert.deepEqual(await rulesOf(kernel, "KUBE-PORTALS-CONTAINER"), []);
  assert.deepEqual(warnings, [
    "IPv4: nat/KUBE-PORTALS-CONTAINER is emptied and stays: a rule of somebody else leads to it",
  ]);
});

inKernel("what is in force already is not written again, and who only looks changes nothing", async (kernel) => {
  const told: string[] = [];
  const looking = kernel.restarted({ onlyTell: ({ argv }) => told.push(argv.join(" ")) });
  const before = await withoutCounters(kernel);
  await looking.apply(...portalsOf(web));
  assert.equal(await withoutCounters(kernel), before);
  assert.deepEqual(told.splice(0), ["iptables-nft-restore -w 5 --noflush"]);
  await kernel.dataplane.apply(...portalsOf(web));
  await looking.apply(...portalsOf(web));
  assert.deepEqual(told, []);
});

inKernel("rules that somebody took away are missed, and put back by the next apply", async (kernel) => {
  assert.equal(await kernel.dataplane.intact(), true);
  await kernel.dataplane.apply(...portalsOf(web));
  const before = await withoutCounters(kernel);
  assert.equal(await kernel.dataplane.intact(), true);
  await kernel.restore("*nat\n-F KUBE-PORTALS-HOST\nCOMMIT\n");
  assert.equal(await kernel.dataplane.intact(), false);
  await kernel.dataplane.apply(...portalsOf(web));
  assert.equal(await withoutCounters(kernel), before);
});

inKernel("the kernel forgets the UDP flows to a service that is gone, and no others", async (kernel) => {
  const flow = (dst: string): string =>
    `conntrack -I -p udp -s 10.9.9.9 -d ${dst} --sport 1000 --dport 53 -r ${dst} -q 10.9.9.9 ` +
    `--reply-port-src 53 --reply-port-dst 1000 --timeout 100 2> /dev/null`;
  await kernel.dataplane.apply(...portalsOf(web, dns));
  await kernel.sh(flow("10.96.0.53"));
  await kernel.sh(flow("10.96.0.54"));
  await kernel.dataplane.apply(...portalsOf(web));
  const left = await kernel.sh("conntrack -L -p udp 2> /dev/null");
  assert.doesNotMatch(left, /dst=10\.96\.0\.53/);
  assert.match(left, /dst=10\.96\.0\.54/);
});
