import assert from "node:assert/strict";
import { planNode } from "../../src/agent/plan.ts";
import type { ClusterObject } from "../../src/cluster/objects.ts";
import { snapshotOf } from "../../src/cluster/state.ts";
import { assembleNode } from "../../src/explain/assemble-node.ts";
import { endpointText } from "../../src/explain/gather.ts";
import { partsOfProgram } from "../../src/explain/node-of-program.ts";
import { reasonsOf } from "../../src/explain/reasons.ts";
import { type PacketTrace, tracePacket } from "../../src/explain/trace-packet.ts";
import { traceProxy } from "../../src/explain/trace-proxy.ts";
import { formatFraction } from "../../src/dataplane/emulated/netfilter/fraction.ts";
import { buildModel } from "../../src/model/build.ts";
import { compileProgram } from "../../src/modes/compile.ts";
import { type Mode, modes } from "../../src/modes/program.ts";
import { type Flow, TCP, UDP } from "../../src/net/flow.ts";
import { parseCidr } from "../../src/net/cidr.ts";
import { parseIp } from "../../src/net/ip.ts";
import { flow } from "../dataplane/emulated/literals.ts";
import { node, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";
import { nothingAsked } from "./nothing-asked.ts";

const test = suite("traces of the userspace proxy, and of affinity in every mode");

const client = "192.168.10.100";
const web = "10.96.0.10:80";
const endpoints = slice({ endpoints: ["10.244.1.10", "10.244.1.11"] });
const http = { name: "http", protocol: "TCP", port: 80, nodePort: 30080 } as const;
const plain: readonly ClusterObject[] = [node(), service({ type: "NodePort", ports: [http] }), endpoints];

function traced(mode: Mode, objects: readonly ClusterObject[], packet: Flow, showsAll = false): PacketTrace {
  const model = buildModel(snapshotOf(objects), "node-a");
  const program = compileProgram(mode, model);
  const plan = planNode(model, mode);
  const eth0 = { name: "eth0", addresses: [{ ip: parseIp("192.168.10.5"), bits: 24 }] };
  const way = { destination: parseCidr("0.0.0.0/0"), type: "unicast", device: "eth0", metric: 0 } as const;
  const known = { addresses: plan.nodeAddresses, interfaces: [eth0], routes: [way] };
  if (program.mode !== "userspace") {
    return tracePacket(assembleNode({ ...partsOfProgram(program, plan)!, ...known }).node, packet, { showsAll });
  }
  const { routing } = assembleNode(known).node;
  return traceProxy({ table: program.table, plan, routing }, packet, { showsAll });
}

function ends({ outcomes }: PacketTrace): readonly string[] {
  return outcomes.map(({ probability, verdict, to, source }) => {
    return `${formatFraction(probability)} ${verdict} ${endpointText(to)} from ${endpointText(source)}`;
  });
}

test("each endpoint has its share; the source is the node's, with a port of its own, and the answer comes back", () => {
  for (const to of [web, "192.168.10.5:30080"]) {
    const trace = traced("userspace", plain, flow(client, to));
    assert.deepEqual(
      ends(trace),
      [10, 11].map((n) => `1/2 forward 10.244.1.${n}:8080 from 192.168.10.5:32768-60999`),
    );
    assert.equal(trace.inInterface, "eth0");
    for (const { back } of trace.outcomes) {
      assert.deepEqual(
        [back!.verdict, endpointText(back!.from), endpointText(back!.to)],
        ["pass", to, `${client}:40000`],
      );
    }
  }
});

test("a path names the service and its endpoint; with all rules, the other endpoints too", () => {
  const [first] = traced("userspace", plain, flow(client, web)).outcomes;
  assert.deepEqual(
    first!.path.map(({ rule, matched }) => [rule, matched]),
    [
      ["default/web:http: tcp 10.96.0.10:80, node port 30080", true],
      ["default/web:http -> 10.244.1.10:8080", true],
    ],
  );
  const [all] = traced("userspace", plain, flow(client, web), true).outcomes;
  assert.deepEqual(
    all!.path.map(({ matched }) => matched),
    [true, true, false],
  );
});

test("without endpoints TCP is closed and UDP hears nothing; what no portal has is the node's or goes on", () => {
  const idle: readonly ClusterObject[] = [
    node(),
    service({
      ports: [
        { name: "t", protocol: "TCP", port: 80 },
        { name: "u", protocol: "UDP", port: 53 },
      ],
    }),
  ];
  const [closed] = traced("userspace", idle, flow(client, web, TCP)).outcomes;
  assert.deepEqual([closed!.verdict, /no endpoints: accepted, then closed/.test(closed!.by)], ["drop", true]);
  const [silent] = traced("userspace", idle, flow(client, "10.96.0.10:53", UDP)).outcomes;
  assert.deepEqual([silent!.verdict, /the client hears nothing/.test(silent!.by)], ["drop", true]);
  assert.deepEqual(ends(traced("userspace", idle, flow(client, "192.168.10.5:22"))), [
    "1 local 192.168.10.5:22 from 192.168.10.100:40000",
  ]);
  assert.deepEqual(ends(traced("userspace", idle, flow(client, "198.51.100.1:22"))), [
    "1 pass 198.51.100.1:22 from 192.168.10.100:40000",
  ]);
});

test("affinity is said with its time in every mode", () => {
  const sticky = (seconds: number): readonly ClusterObject[] => [
    node(),
    service({ ports: [http], type: "NodePort", sessionAffinity: "ClientIP", affinityTimeoutSeconds: seconds }),
    endpoints,
  ];
  const said = (mode: Mode, seconds: number): readonly string[] => {
    const trace = traced(mode, sticky(seconds), flow(client, web));
    return reasonsOf(trace, { ...nothingAsked, name: "default/web:http" }).filter((text) => /affinity/.test(text));
  };
  for (const mode of modes) {
    assert.deepEqual(said(mode, 10_800), ["the client sticks for 3 h by affinity"], mode);
    assert.deepEqual(said(mode, 86_400), ["the client sticks for 1 d by affinity"], mode);
    assert.deepEqual(said(mode, 300), ["the client sticks for 5 min by affinity"], mode);
    assert.deepEqual(said(mode, 3601), ["the client sticks for 3601 s by affinity"], mode);
    const none = reasonsOf(traced(mode, plain, flow(client, web)), nothingAsked);
    assert.deepEqual(
      none.filter((text) => /affinity/.test(text)),
      [],
      mode,
    );
  }
});
