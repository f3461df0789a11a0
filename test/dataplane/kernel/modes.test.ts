/** One kernel, one mode after the other. */
import assert from "node:assert/strict";
import { planNode } from "../../../src/agent/plan.ts";
import { compileProgram } from "../../../src/modes/compile.ts";
import { seen } from "../../model/seen.ts";
import { node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { failure, type Kernel, obstacle, programOf, withKernel } from "./in-kernel.ts";

const missing = await obstacle("nf_tables");
const test = suite("kernel: modes", { timeoutMs: 60_000 });
const inKernel = (name: string, body: (kernel: Kernel) => Promise<void>): void =>
  missing === undefined ? test(name, () => withKernel("nf_tables", body)) : test.skip(name, missing);

const objects = [node(), service(), slice({ endpoints: ["10.0.0.1"] })];
const byIptables = programOf(...objects);
const model = seen(objects);
const byNftables = [compileProgram("nftables", model), planNode(model, "nftables")] as const;

const ownTables = async ({ sh }: Kernel): Promise<readonly string[]> =>
  (await sh("nft list tables"))
    .split("\n")
    .filter((line) => line.endsWith(" kube-proxy"))
    .toSorted();
const chains = async ({ dump }: Kernel): Promise<readonly string[]> => {
  const texts = await Promise.all([dump(4), dump(6)]);
  return [...new Set(texts.join("").match(/^:KUBE-\S+/gm))].toSorted();
};

inKernel("another mode puts away what the one before left, and back again", async (kernel) => {
  await kernel.dataplane.apply(...byIptables);
  assert.ok((await chains(kernel)).includes(":KUBE-SERVICES"));
  await kernel.dataplane.apply(...byNftables);
  assert.deepEqual(await ownTables(kernel), ["table ip kube-proxy", "table ip6 kube-proxy"]);
  // kubelet has it, too.
  assert.deepEqual(await chains(kernel), [":KUBE-FIREWALL"]);
  await kernel.restarted().apply(...byIptables);
  assert.deepEqual(await ownTables(kernel), []);
  assert.ok((await chains(kernel)).includes(":KUBE-SERVICES"));
});

inKernel("a clean-up is of all modes", async (kernel) => {
  await kernel.dataplane.apply(...byNftables);
  await kernel.sh("nft add table ip mine");
  await kernel.restarted().cleanup();
  assert.deepEqual(await ownTables(kernel), []);
  assert.match(await kernel.sh("nft list tables"), /^table ip mine$/m);
});

inKernel("a program that is refused leaves the mode before in force", async (kernel) => {
  await kernel.dataplane.apply(...byIptables);
  const before = await chains(kernel);
  const [program, plan] = byNftables;
  const sysctls = [{ path: "net/ipv4/nothing", value: 1 }];
  assert.match(await failure(kernel.dataplane.apply(program, { ...plan, sysctls })), /net\/ipv4\/nothing/);
  assert.deepEqual(await chains(kernel), before);
});
