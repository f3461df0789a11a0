import assert from "node:assert/strict";
import { isSluiceError } from "../../../src/core/errors.ts";
import { compileIpvs } from "../../../src/modes/ipvs/compile.ts";
import { resolveIpvsOptions } from "../../../src/modes/ipvs/options.ts";
import { parseServers } from "../../../src/modes/ipvs/parse-servers.ts";
import { parseSets } from "../../../src/modes/ipvs/parse-sets.ts";
import { type IpvsPlan, planIpvs } from "../../../src/modes/ipvs/plan.ts";
import { renderSteps } from "../../../src/modes/ipvs/render-steps.ts";
import type { Step } from "../../../src/modes/ipvs/steps.ts";
import { formatSocketAddr } from "../../../src/net/flow.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { foreignServers, foreignSets } from "../../kernel/guest-foreign.ts";
import { seen } from "../../model/seen.ts";
import { node, service } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { everyService } from "./every-service.ts";
import { bring, compiled, heldText, holding, web } from "./planned.ts";
import { SimulatedKernel } from "./simulated-kernel.ts";

const test = suite("ipvs mode: plan");

/** What of a plan is about servers: `edit-real-server 10.244.2.1:8080 0`. */
function serverSteps({ steps }: IpvsPlan): readonly string[] {
  return steps.flatMap((step) => {
    if ("of" in step) return [`${step.kind} ${formatSocketAddr(step.server.addr)} ${step.server.weight}`];
    if ("server" in step) return [`${step.kind} ${formatSocketAddr(step.server.addr)}`];
    if ("place" in step) return [`${step.kind} ${"addr" in step.place ? formatSocketAddr(step.place.addr) : "mark"}`];
    return [];
  });
}

/** The phase of a step: additions come before edits, and these before removals. */
function phase({ kind }: Step): number {
  if (kind.startsWith("set-") || kind === "add-device") return 0;
  if (kind.startsWith("delete-")) return 3;
  return kind.startsWith("edit-") || kind === "replace-set" || kind === "load-chains" || kind === "add-jumps" ? 2 : 1;
}

test("an empty kernel comes to hold the program, and then needs no step", () => {
  for (const family of [4, 6] as const) {
    const tables = compileIpvs(everyService, family, resolveIpvsOptions({ udpTimeoutSeconds: 30 }));
    const kernel = new SimulatedKernel();
    const { steps, draining } = bring(kernel, tables);
    assert.deepEqual(draining, []);
    assert.deepEqual(
      steps,
      steps.toSorted((a, b) => phase(a) - phase(b)),
      "in the order of phases",
    );
    assert.deepEqual(kernel.state().virtualServers, tables.virtualServers);
    assert.deepEqual(planIpvs(tables, kernel.state()).steps, []);
  }
});

test("virtual servers alone need nothing around them", () => {
  const { family, virtualServers } = web([1]);
  const { steps } = planIpvs({ family, virtualServers }, new SimulatedKernel().state());
  assert.deepEqual(
    steps.map(({ kind }) => kind),
    ["add-virtual-server", "add-real-server"],
  );
});

test("one family's plan leaves the other alone", () => {
  const [v4, v6] = ([4, 6] as const).map((family) => compileIpvs(everyService, family, resolveIpvsOptions()));
  const kernel = holding(v4!, v6!);
  const held = heldText(kernel, 4);
  bring(kernel, compileIpvs(seen([]), 6, resolveIpvsOptions()));
  assert.deepEqual(heldText(kernel, 4), held);
  assert.equal(heldText(kernel, 6)[0], "");
});

test("a server without connections goes at once, one of TCP with connections has weight 0 until they are over", () => {
  const kernel = holding(web([1, 2, 3]));
  const addr = (pod: number) => ({ ip: parseIp(`10.244.2.${pod}`), port: 8080 });
  const of = "10.96.0.10:80/TCP";
  kernel.connections = [{ of, addr: addr(1), active: 0, inactive: 2 }];
  const plan = bring(kernel, web([3]));
  assert.deepEqual(serverSteps(plan), ["edit-real-server 10.244.2.1:8080 0", "delete-real-server 10.244.2.2:8080 1"]);
  assert.deepEqual(
    plan.draining.map(({ of, server, connections }) => [of, formatSocketAddr(server.addr), connections]),
    [[of, "10.244.2.1:8080", 2]],
  );
  const again = bring(kernel, web([3]));
  assert.deepEqual([again.steps, again.draining.length], [[], 1]);
  kernel.connections = [];
  assert.deepEqual(serverSteps(bring(kernel, web([3]))), ["delete-real-server 10.244.2.1:8080 0"]);
});

test("a draining server that is wanted again has its weight back", () => {
  const kernel = holding(web([1, 2]));
  kernel.connections = [
    { of: "10.96.0.10:80/TCP", addr: { ip: parseIp("10.244.2.1"), port: 8080 }, active: 1, inactive: 0 },
  ];
  bring(kernel, web([2]));
  assert.deepEqual(serverSteps(bring(kernel, web([1, 2]))), ["edit-real-server 10.244.2.1:8080 1"]);
});

test("a server of UDP goes at once, connections or not", () => {
  const kernel = holding(web([1], {}, "UDP"));
  kernel.connections = [
    { of: "10.96.0.10:80/UDP", addr: { ip: parseIp("10.244.2.1"), port: 8080 }, active: 0, inactive: 9 },
  ];
  const plan = bring(kernel, web([], {}, "UDP"));
  assert.deepEqual(serverSteps(plan), ["delete-real-server 10.244.2.1:8080 1"]);
  assert.deepEqual(plan.draining, []);
});

test("another scheduler, flag or persistence is an edit", () => {
  const kernel = holding(web([1]));
  assert.deepEqual(serverSteps(bring(kernel, web([1], { scheduler: "mh" }))), ["edit-virtual-server 10.96.0.10:80"]);
  assert.deepEqual(bring(kernel, web([1], { scheduler: "mh" })).steps, []);
  const sticky = compiled([node(), service({ sessionAffinity: "ClientIP", affinityTimeoutSeconds: 60 })]);
  assert.deepEqual(serverSteps(bring(kernel, sticky)), [
    "edit-virtual-server 10.96.0.10:80",
    "delete-real-server 10.244.2.1:8080 1",
  ]);
});

test("servers of others go, but for excluded ranges and those by mark; sets and addresses of others stay", () => {
  const kernel = holding(web([1]));
  for (const server of parseServers(foreignServers)) kernel.put({ server });
  for (const set of parseSets(foreignSets)) kernel.put({ set });
  const excluding = planIpvs(web([1], { excludeCIDRs: ["198.51.100.0/24"] }), kernel.state());
  assert.deepEqual(excluding.steps, []);
  const plan = bring(kernel, web([1]));
  assert.deepEqual(serverSteps(plan), [
    "delete-virtual-server 198.51.100.1:0",
    "delete-virtual-server 198.51.100.1:5060",
  ]);
  assert.deepEqual(plan.steps.length, 2);
});

test("a set that changes is filled under another name and swapped in", () => {
  const kernel = holding(web([1]));
  const other = compiled([node(), service({ clusterIP: "10.96.0.99" })]);
  const replaced = planIpvs(other, kernel.state()).steps.filter(({ kind }) => kind === "replace-set");
  assert.deepEqual(
    replaced.map((step) => step.kind === "replace-set" && [step.set.name, step.through]),
    [
      ["KUBE-CLUSTER-IP", "TEMP-CLUSTER-IP"],
      ["KUBE-IPVS-IPS", "TEMP-IPVS-IPS"],
    ],
  );
  assert.equal(
    renderSteps(replaced)[0]!.input.split("\n").slice(0, 5).join("\n"),
    `create TEMP-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536
flush TEMP-CLUSTER-IP
add TEMP-CLUSTER-IP 10.96.0.99,tcp:80
swap TEMP-CLUSTER-IP KUBE-CLUSTER-IP
destroy TEMP-CLUSTER-IP`,
  );
});

test("what the kernel changes of a set by itself is no difference", () => {
  const tables = web([1]);
  const kernel = holding(tables);
  const [, set] = tables.around!.sets;
  const grown = set!.options.map(({ name, value }) => ({ name, value: name === "hashsize" ? "4096" : value! }));
  kernel.put({
    set: { ...set!, options: [...grown, { name: "bucketsize", value: "12" }, { name: "initval", value: "0x1" }] },
  });
  assert.deepEqual(planIpvs(tables, kernel.state()).steps, []);
});

test("a set that an interrupted plan left is taken away; one of another type in our place is refused", () => {
  const kernel = holding(web([1]));
  const [loopBack] = web([1]).around!.sets;
  kernel.put({ set: { ...loopBack!, name: "TEMP-LOOP-BACK" } });
  assert.deepEqual(planIpvs(web([1]), kernel.state()).steps, [{ kind: "delete-set", name: "TEMP-LOOP-BACK" }]);
  kernel.put({ set: { ...loopBack!, type: "hash:ip" } });
  assert.throws(
    () => planIpvs(web([1]), kernel.state()),
    (error) => isSluiceError(error, "DATAPLANE_FAILED") && error.details.what.includes("KUBE-LOOP-BACK"),
  );
});

test("sysctls are set where they differ and where the kernel has the need", () => {
  const kernel = new SimulatedKernel();
  const paths = (release: string): readonly string[] => {
    const { steps } = planIpvs(web([]), { ...kernel.state(), release });
    return steps.flatMap((step) => (step.kind === "set-sysctl" ? [step.sysctl.path.split("/").at(-1)!] : []));
  };
  const always = ["conntrack", "expire_nodest_conn", "expire_quiescent_template", "ip_forward"];
  assert.deepEqual(paths("6.1.0-18-amd64"), always);
  assert.deepEqual(paths("5.9.0"), always);
  assert.deepEqual(paths("5.8.18+"), [always[0], "conn_reuse_mode", ...always.slice(1)]);
  assert.deepEqual(paths("4.1-rc3").length, 5);
  assert.deepEqual(paths("4.0.9"), always);
  bring(kernel, web([]));
  assert.deepEqual(paths("6.1.0"), []);
});

test("time-outs are set when one differs", () => {
  const kernel = holding(web([1]));
  const timed = web([1], { tcpTimeoutSeconds: 600 });
  assert.deepEqual(
    bring(kernel, timed).steps.map(({ kind }) => kind),
    ["set-timeouts"],
  );
  assert.deepEqual(bring(kernel, timed).steps, []);
  assert.deepEqual(bring(kernel, web([1])).steps, []);
});
