import assert from "node:assert/strict";
import { createAgent } from "../../src/agent/agent.ts";
import { type ClusterSnapshot, emptySnapshot, snapshotOf } from "../../src/cluster/state.ts";
import type { Dataplane, NodePlan } from "../../src/dataplane/dataplane.ts";
import { node, service, slice } from "../support/objects.ts";
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
  return createAgent({ mode: "iptables", programOptions: {}, nodeName: "node-a", dataplane });
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
  const synced = agentOver(dataplane).sync(web(80));
  await opened(1);
  const { plan, diff } = await synced;
  assert.equal(diff, undefined);
  assert.deepEqual(
    plan.frontends.map(({ servicePort, kind, addr }) => [servicePort, kind, addr.port]),
    [["default/web:http", "cluster-ip", 80]],
  );
  assert.equal(plans.length, 1);
});

test("of the snapshots that come during a sync only the last one is brought into force", async () => {
  const { dataplane, plans, opened } = recorder();
  const agent = agentOver(dataplane);
  const first = agent.sync(web(80));
  await opened(1).then(() => first);
  const second = agent.sync(web(81));
  await new Promise((resolve) => setImmediate(resolve));
  const third = agent.sync(web(82));
  const fourth = agent.sync(web(83));
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
  const first = agent.sync(web(80));
  await opened(1);
  await first;
  failNext();
  const refused = agent.sync(emptySnapshot);
  await Promise.all([assert.rejects(refused, /refused/), opened(2)]);
  const again = agent.sync(web(80));
  await opened(3);
  const { diff } = await again;
  assert.ok(diff !== undefined);
  assert.deepEqual([diff[4].added.length, diff[4].removed.length, diff[4].changed.length], [0, 0, 0]);
});
