import assert from "node:assert/strict";
import { planNode } from "../../src/agent/plan.ts";
import type { ClusterObject } from "../../src/cluster/objects.ts";
import { snapshotOf } from "../../src/cluster/state.ts";
import { renderTrace } from "../../src/explain/render-trace.ts";
import { type Trace, traceFlow } from "../../src/explain/trace.ts";
import { buildModel } from "../../src/model/build.ts";
import { compileProgram } from "../../src/modes/compile.ts";
import { serviceChains } from "../../src/modes/iptables/names.ts";
import { type Mode, modes } from "../../src/modes/program.ts";
import { type Flow, type Protocol, SCTP, TCP, UDP } from "../../src/net/flow.ts";
import { flow, iptables, plan, rule, said } from "../dataplane/emulated/literals.ts";
import { node, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";

const test = suite("traces");

const cluster: readonly ClusterObject[] = [
  node(),
  service({ type: "NodePort", ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30080 }] }),
  slice({ endpoints: ["10.244.1.10", "10.244.1.11"] }),
  ...Array.from({ length: 6 }, (_, n) => service({ name: `a${n}`, clusterIP: `10.96.1.${n}` })),
  ...Array.from({ length: 6 }, (_, n) => slice({ service: `a${n}`, endpoints: [`10.244.3.${n}`] })),
];
const client = "192.168.10.100";
const web = "10.96.0.10:80";

function traceOf(objects: readonly ClusterObject[], mode: Mode, packet: Flow, seed = 1): Trace {
  const model = buildModel(snapshotOf(objects), "node-a");
  const options = { iptables: { detectLocal: { by: "cluster-cidr", ranges: ["10.244.0.0/16"] } } } as const;
  return traceFlow(compileProgram(mode, model, options), planNode(model, mode), packet, { seed });
}

function traced(mode: Mode, to = web, seed = 1): Trace {
  return traceOf(cluster, mode, flow(client, to), seed);
}

test("a trace of iptables rules names every rule looked at, in order, as iptables-save prints it", () => {
  const { steps, decision } = traced("iptables");
  assert.equal(steps.length, decision.steps);
  assert.deepEqual(steps[0], {
    where: "nat/PREROUTING",
    rule: '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    matched: true,
    effect: "jump KUBE-SERVICES",
  });
  const { cluster: chain } = serviceChains("default/web:http", TCP);
  const picking = steps.find(({ probability }) => probability !== undefined)!;
  assert.equal(picking.where, `nat/${chain}`);
  assert.equal(picking.probability, 0.5);
  assert.match(picking.rule, /--mode random --probability 0.5/);
  assert.deepEqual(
    steps
      .filter(({ effect }) => /mark|masquerade|destination/.test(effect) && !effect.startsWith("jump"))
      .map(({ effect }) => effect.replace(/\.1\d:/, ".1x:")),
    ["mark 0x4000", "destination 10.244.1.1x:8080", "mark 0x0", "masquerade"],
  );
});

test("seeds lead to either endpoint, the same seed to the same", () => {
  const ends = Array.from({ length: 20 }, (_, seed) => said(traced("iptables", web, seed).decision));
  assert.deepEqual([...new Set(ends)].sort(), ["10.244.1.10:8080 m", "10.244.1.11:8080 m"]);
  assert.deepEqual(
    ends,
    ends.map((_, seed) => said(traced("iptables", web, seed).decision)),
  );
});

test("decision and outcomes are plain data", () => {
  for (const mode of modes) {
    const { decision, outcomes } = structuredClone(traced(mode));
    assert.deepEqual(Object.keys(decision), ["verdict", "to", "masquerade", "steps"], mode);
    assert.ok(outcomes.length > 0);
  }
});

test("as text: chains, the rules that matched, a fold for those that did not, verdict and alternatives", () => {
  const text = renderTrace(traced("iptables", web));
  assert.match(
    text,
    /^tcp 192\.168\.10\.100:40000 -> 10\.96\.0\.10:80, mode iptables\n\nnat\/PREROUTING\n {2}\* -A PREROUTING/,
  );
  assert.match(
    text,
    /\nnat\/KUBE-SERVICES\n {4}\(6 rules that do not match\)\n {2}\* -A KUBE-SERVICES -d 10\.96\.0\.10\/32/,
  );
  assert.match(text, /\n {6}=> jump KUBE-SEP-\w{16}, probability 50\.00 %\n/);
  assert.match(text, /\nverdict: forward to 10\.244\.1\.1\d:8080, source masqueraded \(steps: \d+\)\n/);
  assert.match(
    text,
    /possible outcomes:\n +50\.00 % {2}forward to 10\.244\.1\.10:8080, source masqueraded\n +50\.00 %/,
  );
  assert.ok(text.endsWith("\n") && !text.endsWith("\n\n"));
});

test("as text in full: every rule has its line", () => {
  const trace = traced("iptables", web);
  const text = renderTrace(trace, { all: true });
  assert.doesNotMatch(text, /rules that do not match/);
  assert.equal(text.match(/^ {2}(\* | {2})-A /gm)!.length, trace.steps.length);
});

test("a rule that was passed over by chance says so", () => {
  const passedOver = Array.from({ length: 20 }, (_, seed) => renderTrace(traced("iptables", web, seed))).find((text) =>
    text.includes("passed over"),
  );
  assert.match(passedOver!, /--probability 0\.5\d* -j KUBE-SEP-\w+\n {6}=> passed over, probability 50\.00 %\n/);
});

test("as text in ipvs and userspace mode: the service and its servers as they stood", () => {
  const ipvsText = renderTrace(traced("ipvs"));
  assert.match(
    ipvsText,
    /\nipvs\n {2}\* -A -t 10\.96\.0\.10:80 -s rr\n {6}=> choose a server\n {2}\* -a -t 10\.96\.0\.10:80 -r 10\.244\.1\.11:8080 -m -w 1\n {6}=> chosen: weight 1, active 0, inactive 0\n {4}-a/,
  );
  assert.doesNotMatch(ipvsText, /possible outcomes/);
  const userspaceText = renderTrace(traced("userspace"));
  assert.match(userspaceText, /\nuserspace\n {2}\* default\/web:http: tcp 10\.96\.0\.10:80, node port 30080\n/);
  assert.match(userspaceText, /possible outcomes:\n +50\.00 %/);
});

test("as text: what nobody cares for, and each other verdict", () => {
  assert.match(
    renderTrace(traced("ipvs", "10.96.9.9:80")),
    /no rule or service of this program was met\n\nverdict: pass: no rule or service sends it elsewhere; routing takes it on/,
  );
  const verdictOf = (kind: "reject" | "drop", drops: readonly string[] = []): string => {
    const program = iptables({ "filter/FORWARD": drops.length > 0 ? [] : [rule({ kind })] }, { drops });
    return renderTrace(traceFlow(program, plan(), flow(client, web, UDP), { seed: 1 }));
  };
  assert.match(
    verdictOf("reject"),
    /^udp .*\n\nfilter\/FORWARD\n {2}\* -A FORWARD -j REJECT.*\n {6}=> reject\n\nverdict: reject: the client is told/,
  );
  assert.match(verdictOf("drop"), /verdict: drop: the client hears nothing/);
  assert.match(verdictOf("drop", ["filter/FORWARD"]), /filter\/FORWARD\n {2}\* -P FORWARD DROP\n {6}=> drop\n/);
});

test("small chances keep two digits that are not 0", () => {
  const rare = [rule({ kind: "drop" }, { kind: "statistic-random", threshold: 2 ** 9 })];
  const text = renderTrace(traceFlow(iptables({ "nat/PREROUTING": rare }), plan(), flow(client, web), { seed: 1 }));
  // 2⁹ / 2³¹ = 2.38e-7.
  assert.match(text, /\n +100\.00 % {2}pass.*\n +0\.000024 % {2}drop/);
});

test("in ipvs mode nothing is said of the source, and that source ranges are not looked at is", () => {
  const guarded: readonly ClusterObject[] = [
    node(),
    service({ type: "LoadBalancer", ingress: [{ ip: "203.0.113.1" }], loadBalancerSourceRanges: ["10.0.0.0/8"] }),
    slice({ endpoints: ["10.244.1.10", "10.244.1.11"] }),
  ];
  const blocked = traceOf(guarded, "ipvs", flow(client, "203.0.113.1:80"));
  const text = renderTrace(blocked);
  assert.match(text, /verdict: forward to 10\.244\.1\.11:8080 \(steps: 1\)\n/);
  assert.match(text, /\nnot walked: the iptables rules around IPVS, masquerade and source ranges; nothing is said of /);
  assert.doesNotMatch(text, /kept,|masqueraded|source kept/);
  assert.ok("masquerade" in blocked.decision && blocked.decision.masquerade === undefined);
  for (const outcome of blocked.outcomes) assert.ok("masquerade" in outcome && outcome.masquerade === undefined);
  for (const mode of ["iptables", "userspace"] as const) {
    const walked = traceOf(guarded, mode, flow(client, web));
    assert.deepEqual(walked.notWalked, [], mode);
    assert.doesNotMatch(renderTrace(walked), /not walked/, mode);
  }
});

test("as text: a userspace service without endpoints closes TCP and is silent to UDP", () => {
  const idle: readonly ClusterObject[] = [
    node(),
    service({
      ports: [
        { name: "t", protocol: "TCP", port: 80 },
        { name: "u", protocol: "UDP", port: 53 },
      ],
    }),
  ];
  const said = (to: string, proto: Protocol) => renderTrace(traceOf(idle, "userspace", flow(client, to, proto)));
  assert.match(said("10.96.0.10:80", TCP), /verdict: drop: accepted, then closed without data/);
  assert.match(said("10.96.0.10:53", UDP), /verdict: drop: the client hears nothing/);
});

test("as text: what passes to the node itself is told apart from what is sent on, and from what a mode never serves", () => {
  const said = (mode: Mode, to: string, from = client, proto: Protocol = TCP) =>
    /verdict: pass: (.*) \(steps/.exec(renderTrace(traceOf(cluster, mode, flow(from, to, proto))))?.[1];
  for (const mode of modes) {
    assert.equal(said(mode, "192.168.10.5:22"), "accepted for this node; whatever listens there answers", mode);
    assert.equal(said(mode, "127.0.0.1:22", "127.0.0.1"), "accepted for this node; whatever listens there answers");
    assert.equal(said(mode, "198.51.100.1:22"), "no rule or service sends it elsewhere; routing takes it on", mode);
  }
  assert.match(said("userspace", web, client, SCTP)!, /^the userspace mode does not serve SCTP/);
  assert.match(said("userspace", "[fd00:96::10]:80", "[fd00::9]:1")!, /^the userspace mode does not serve IPv6/);
});

test("a userspace node port at loopback has the outcomes of its service", () => {
  const { decision, outcomes } = traceOf(cluster, "userspace", flow("127.0.0.1", "127.0.0.1:30080"));
  assert.match(said(decision), /^10\.244\.1\.1[01]:8080 m$/);
  assert.deepEqual(
    outcomes.map((outcome) => [said({ ...outcome, steps: 0 }), outcome.probability]),
    [
      ["10.244.1.10:8080 m", 0.5],
      ["10.244.1.11:8080 m", 0.5],
    ],
  );
});
