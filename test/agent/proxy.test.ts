import assert from "node:assert/strict";
import { completeConfig } from "../../src/agent/config/complete.ts";
import { API_VERSION, KIND } from "../../src/agent/config/schema.ts";
import { startProxy } from "../../src/agent/proxy.ts";
import { snapshotOf } from "../../src/cluster/state.ts";
import { manualClock } from "../../src/core/clock.ts";
import { silentLog } from "../../src/core/log.ts";
import { endpoint, node, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";

const test = suite("a running proxy");

const zoned = [
  service(),
  slice({
    endpoints: [endpoint("10.244.1.1", { forZones: ["zone-a"] }), endpoint("10.244.2.1", { forZones: ["zone-b"] })],
  }),
];

test("hints are followed also once the Node is deleted", async () => {
  const clock = manualClock();
  const used: (readonly string[])[] = [];
  const proxy = await startProxy({
    // Where others have these ports, it goes on without servers.
    config: completeConfig({
      apiVersion: API_VERSION,
      kind: KIND,
      healthzBindAddress: "127.0.0.1:30256",
      metricsBindAddress: "127.0.0.1:30249",
    }),
    dataplane: { name: "none", apply: async () => {}, intact: async () => true, close: async () => {} },
    version: "0",
    log: silentLog,
    clock,
    onSynced: ({ model }) => used.push(model.servicePorts[4][0]!.clusterEndpoints.map(({ text }) => text)),
  });
  const synced = async (count: number): Promise<void> => {
    while (used.length < count) {
      clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  try {
    proxy.want(snapshotOf([node(), ...zoned]), "node-a");
    await synced(1);
    proxy.want(snapshotOf(zoned), "node-a");
    await synced(2);
    assert.deepEqual(used, [["10.244.1.1:8080"], ["10.244.1.1:8080"]]);
  } finally {
    await proxy.close();
  }
});
