import assert from "node:assert/strict";
import { snapshotOf } from "../../src/cluster/state.ts";
import { chooseServicePorts } from "../../src/lab/choose-service.ts";
import { type StandIns, startStandIns, withStandIns } from "../../src/lab/stand-ins.ts";
import { buildModel } from "../../src/model/build.ts";
import { formatSocketAddr } from "../../src/net/flow.ts";
import { endpoint, endpoints, node, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";

const test = suite("stand-ins");
const dnsPorts = [
  { name: "dns", protocol: "UDP", port: 53 },
  { name: "metrics", protocol: "TCP", port: 9153 },
] as const;
const cluster = snapshotOf([
  node(),
  service(),
  slice({ endpoints: ["10.244.0.9", "10.244.0.10", endpoint("10.244.0.11", { forZones: ["zone-a"] })] }),
  endpoints({ addresses: ["10.244.0.9"] }),
  service({ name: "dns", clusterIP: "10.96.0.53", ports: dnsPorts }),
  slice({ service: "dns", ports: dnsPorts, endpoints: ["10.244.1.1", "10.244.1.2"] }),
]);

/** Runs with the stand-ins of that cluster's services. */
async function withOpen(check: (standIns: readonly StandIns[]) => void | Promise<void>): Promise<void> {
  const { tcp, udp, echoes } = await startStandIns(chooseServicePorts(buildModel(cluster, "node-a")));
  try {
    await check([tcp!, udp!]);
  } finally {
    await echoes.close();
  }
}

test("each endpoint has a loopback address of its own, in the order of the endpoints", async () => {
  await withOpen((standIns) => {
    const all = standIns.flatMap(({ addrs, backends }) =>
      addrs.map((addr, at) => [formatSocketAddr(addr), backends[at]]),
    );
    assert.equal(new Set(all.map(([addr]) => String(addr).split(":")[0])).size, 5);
    assert.deepEqual(
      all.map(([, backend]) => backend),
      [0, 1, 2, 3, 4],
    );
    for (const { addrs } of standIns) {
      const texts = addrs.map(formatSocketAddr);
      assert.deepEqual([...texts].sort(), texts);
      for (const text of texts) assert.match(text, /^127\.1[01]\.1\d\d\.1\d\d:\d+$/);
    }
  });
});

test("all modes see the stand-ins and nothing else as endpoints of the measured service ports", async () => {
  await withOpen((standIns) => {
    const model = buildModel(withStandIns(cluster, standIns), "node-a");
    for (const { port, addrs } of standIns) {
      const texts = addrs.map(formatSocketAddr);
      const now = model.servicePorts[4].find(({ name }) => name === port.name)!;
      assert.deepEqual(
        now.clusterEndpoints.map(({ text }) => text),
        texts,
      );
      const userspace = model.userspacePorts.find(({ name }) => name === port.name)!;
      assert.deepEqual(userspace.endpoints.map(formatSocketAddr), texts);
    }
  });
});

test("other ports of the same service, and other services, keep their endpoints", async () => {
  await withOpen((standIns) => {
    const before = buildModel(cluster, "node-a").servicePorts[4];
    const after = buildModel(withStandIns(cluster, standIns), "node-a").servicePorts[4];
    const metrics = (ports: typeof before) => ports.find(({ name }) => name === "default/dns:metrics")!.endpoints;
    assert.equal(metrics(before).length, 2);
    assert.deepEqual(metrics(after), metrics(before));
    assert.deepEqual(
      after.map(({ name }) => name),
      before.map(({ name }) => name),
    );
  });
});

test("when an endpoint's port cannot be had, the system chooses, and the stand-ins still serve", async () => {
  await withOpen(async (first) => {
    // The first ones hold all the addresses at the endpoints' own ports.
    await withOpen((second) => {
      const ports = (standIns: readonly StandIns[]) => standIns.flatMap(({ addrs }) => addrs.map(({ port }) => port));
      assert.ok(ports(second).every((port) => port > 0));
      assert.notDeepEqual(ports(second), ports(first));
    });
  });
});
