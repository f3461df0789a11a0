import assert from "node:assert/strict";
import { createAgent } from "../../src/agent/agent.ts";
import { agentOptionsOf } from "../../src/agent/agent-options.ts";
import { completeConfig } from "../../src/agent/config/complete.ts";
import { API_VERSION, KIND } from "../../src/agent/config/schema.ts";
import { type ClusterSnapshot, emptySnapshot, snapshotOf } from "../../src/cluster/state.ts";
import type { Dataplane, NodePlan } from "../../src/dataplane/dataplane.ts";
import { formatIp } from "../../src/net/ip.ts";
import { endpoint, node, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";

/** A dataplane that writes down what it is given, and takes it when told to. */
function recorder() {
  const plans: NodePlan[] = [];
  const gates: (() => void)[] = [];
  let failNext = false;
  const dataplane: Dataplane = {
    name: "recorder",
    async apply(_program, plan) {
      plans.push(plan);
      await new Promise<void>((resolve) => gates.push(resolve));
      if (failNext) {
        failNext = false;
        throw new Error("refused");
      }
    },
    async close() {},
  };
  const opened = async (count: number): Promise<void> => {
    while (gates.length < count) await new Promise((resolve) => setImmediate(resolve));
    gates[count - 1]!();
  };
  return { dataplane, plans, opened, failNext: () => (failNext = true) };
}

function agentOver(dataplane: Dataplane) {
  return createAgent({ mode: "iptables", programOptions: {}, dataplane });
}

const web = (port: number): ClusterSnapshot =>
  snapshotOf([
    node({ name: "node-a" }),
    service({ ports: [{ name: "http", port }] }),
    slice({ endpoints: ["10.244.1.1"] }),
  ]);

const test = suite("agent");

test("a sync compiles the snapshot for this node and hands it to the dataplane whole", async () => {
  const { dataplane, plans, opened } = recorder();
  const synced = agentOver(dataplane).sync(web(80), "node-a");
  await opened(1);
  const { plan, changes } = await synced;
  assert.equal(changes, undefined);
  assert.deepEqual(
    plan.frontends.map(({ servicePort, kind, addr }) => [servicePort, kind, addr.port]),
    [["default/web:http", "cluster-ip", 80]],
  );
  assert.equal(plans.length, 1);
});

test("settings of the host come with those that the rules rest on, each once", async () => {
  const { dataplane, plans, opened } = recorder();
  // Of IPv4 the node has no primary address, so node ports answer at all, 127.0.0.1 among them.
  const config = completeConfig({
    apiVersion: API_VERSION,
    kind: KIND,
    nodePortAddresses: ["primary"],
    conntrack: { tcpBeLiberal: true, maxPerCore: 0 },
  });
  const agent = createAgent({ ...agentOptionsOf(config, undefined), dataplane });
  const only6 = snapshotOf([node({ name: "node-a", addresses: [{ type: "InternalIP", address: "fd00::5" }] })]);
  const synced = agent.sync(only6, "node-a");
  await opened(1);
  await synced;
  const settings = plans[0]!.sysctls!.map(({ path, value }) => `${path}=${value}`);
  assert.ok(settings.includes("net/ipv4/conf/all/route_localnet=1"), settings.join(" "));
  assert.equal(settings.filter((one) => one === "net/netfilter/nf_conntrack_tcp_be_liberal=1").length, 1);
});

test("of the snapshots that come during a sync only the last one is brought into force", async () => {
  const { dataplane, plans, opened } = recorder();
  const agent = agentOver(dataplane);
  const first = agent.sync(web(80), "node-a");
  await opened(1).then(() => first);
  const second = agent.sync(web(81), "node-a");
  await new Promise((resolve) => setImmediate(resolve));
  const third = agent.sync(web(82), "node-a");
  const fourth = agent.sync(web(83), "node-a");
  await opened(2);
  await second;
  await opened(3);
  assert.deepEqual(
    (await third).plan.frontends.map(({ addr }) => addr.port),
    [83],
  );
  assert.equal(await third, await fourth);
  assert.deepEqual(
    plans.map(({ frontends }) => frontends[0]!.addr.port),
    [80, 81, 83],
  );
});

test("a sync that is refused leaves the one before as what the next one is compared with", async () => {
  const { dataplane, opened, failNext } = recorder();
  const agent = agentOver(dataplane);
  const first = agent.sync(web(80), "node-a");
  await opened(1);
  await first;
  failNext();
  const refused = agent.sync(emptySnapshot, "node-a");
  await Promise.all([assert.rejects(refused, /refused/), opened(2)]);
  const again = agent.sync(web(80), "node-a");
  await opened(3);
  assert.deepEqual((await again).changes, []);
});

test("each sync reads its snapshot as the Node that it is told, and says what is different then", async () => {
  const { dataplane, plans, opened } = recorder();
  const agent = agentOver(dataplane);
  const cluster = snapshotOf([
    node({ name: "node-a", addresses: [{ type: "InternalIP", address: "192.168.10.5" }] }),
    node({ name: "node-b", addresses: [{ type: "InternalIP", address: "192.168.10.6" }] }),
    service({
      type: "NodePort",
      ports: [{ name: "http", port: 80, nodePort: 30_080 }],
      internalTrafficPolicy: "Local",
    }),
    slice({
      endpoints: [endpoint("10.244.1.1", { nodeName: "node-a" }), endpoint("10.244.1.2", { nodeName: "node-b" })],
    }),
  ]);
  const first = agent.sync(cluster, "node-a");
  await opened(1);
  await first;
  const second = agent.sync(cluster, "node-b");
  await opened(2);
  const { changes } = await second;
  const nodePortAt = plans.map(({ frontends }) =>
    formatIp(frontends.find(({ kind }) => kind === "node-port")!.addr.ip),
  );
  assert.deepEqual(nodePortAt, ["192.168.10.5", "192.168.10.6"]);
  // Outside traffic reaches both endpoints either way: only what is local has changed.
  assert.deepEqual(changes, [
    { servicePort: "default/web:http", family: 4, what: "changed", endpointsAdded: 0, endpointsRemoved: 0 },
  ]);
});
