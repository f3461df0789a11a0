import assert from "node:assert/strict";
import { readConfig } from "../../../src/agent/config/read.ts";
import { agentOptionsOf } from "../../../src/agent/agent-options.ts";
import { snapshotOf } from "../../../src/cluster/state.ts";
import { createModelBuilder } from "../../../src/model/build.ts";
import { compileProgram } from "../../../src/modes/compile.ts";
import { renderProgram } from "../../../src/modes/render.ts";
import { endpoint, node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";

const test = suite("the gate AllowServiceExternalIPs");
const EXTERNAL = "192.0.2.7";
const cluster = snapshotOf([
  node({ name: "node-a" }),
  service({ name: "outside", externalIPs: [EXTERNAL] }),
  service({ name: "inside", clusterIP: "10.96.0.99" }),
  slice({ service: "outside", endpoints: [endpoint("10.244.1.1")] }),
  slice({ service: "inside", endpoints: [endpoint("10.244.1.2")] }),
]);

/** What a mode renders, seen as a configuration with these fields has it. */
function rendered(mode: string, fields: string): string {
  const head = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
  const config = readConfig(`${head}mode: ${mode}\n${fields}`, "config.yaml");
  const { viewModel, programOptions } = agentOptionsOf(config, undefined);
  const model = viewModel(createModelBuilder()(cluster, "node-a"));
  return renderProgram(compileProgram(config.mode, model, programOptions))
    .map(({ text }) => text)
    .join("");
}

for (const mode of ["iptables", "nftables", "ipvs"]) {
  test(`on, ${mode} serves external IPs; off, it does not, and all else as before`, () => {
    assert.ok(rendered(mode, "").includes(EXTERNAL));
    assert.equal(rendered(mode, "featureGates: {AllowServiceExternalIPs: true}"), rendered(mode, ""));
    const off = rendered(mode, "featureGates: {AllowServiceExternalIPs: false}");
    assert.ok(!off.includes(EXTERNAL), off);
    assert.ok(off.includes("10.96.0.99"));
  });
}

test("off, nftables still has the chain that nothing leads to: the service counts as accessible from outside", () => {
  const off = rendered("nftables", "featureGates: {AllowServiceExternalIPs: false}");
  assert.match(off, /add chain ip kube-proxy external-[A-Z0-9]{8}-default\/outside\//);
  assert.doesNotMatch(off, /external-[A-Z0-9]{8}-default\/inside\//);
});

test("of a service port that stays, the view stays the same one", () => {
  const config = readConfig(
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nfeatureGates: {AllowServiceExternalIPs: false}\n",
    "config.yaml",
  );
  const { viewModel } = agentOptionsOf(config, undefined);
  const build = createModelBuilder();
  const [before, after] = [viewModel(build(cluster, "node-a")), viewModel(build(cluster, "node-a"))];
  for (const [index, port] of before.servicePorts[4].entries()) assert.equal(after.servicePorts[4][index], port);
});
