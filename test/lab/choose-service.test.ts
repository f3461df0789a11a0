import assert from "node:assert/strict";
import type { ClusterObject } from "../../src/cluster/objects.ts";
import { snapshotOf } from "../../src/cluster/state.ts";
import { isSluiceError } from "../../src/core/errors.ts";
import { type ChosenPorts, chooseServicePorts, usableEndpoints } from "../../src/lab/choose-service.ts";
import { buildModel } from "../../src/model/build.ts";
import { endpoint, node, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";

const test = suite("choice of service");

const choose = (objects: readonly ClusterObject[], name?: string): ChosenPorts =>
  chooseServicePorts(buildModel(snapshotOf([node(), ...objects]), "node-a"), name);
const names = ({ tcp, udp }: ChosenPorts) => [tcp?.name, udp?.name];

/** A service with one port, and as many endpoints. */
function withEndpoints(
  name: string,
  protocol: "TCP" | "UDP",
  count: number,
  given: Parameters<typeof service>[0] = {},
) {
  const at = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 200;
  const ports = [{ name: "p", protocol, port: 80 }];
  return [
    service({ name, clusterIP: `10.96.0.${at}`, ports, ...given }),
    slice({
      service: name,
      ports: [{ name: "p", protocol, port: 8080 }],
      endpoints: Array.from({ length: count }, (_, n) => `10.244.${at}.${n + 1}`),
    }),
  ];
}

/** Whether an error is of this option, and says this. */
const refused = (path: string, expected: string, received: string) => (error: unknown) => {
  assert.ok(isSluiceError(error, "CONFIG_INVALID"));
  assert.deepEqual(error.details, { path, expected, received });
  return true;
};

test("of each protocol the service port with the most endpoints is chosen, of several the first by name", () => {
  const chosen = choose([
    ...withEndpoints("b", "TCP", 3),
    ...withEndpoints("a", "TCP", 3),
    ...withEndpoints("c", "TCP", 2),
    ...withEndpoints("d", "UDP", 1),
    ...withEndpoints("e", "UDP", 2),
  ]);
  assert.deepEqual(names(chosen), ["default/a:p", "default/e:p"]);
});

test("without a UDP service there is only TCP", () => {
  assert.deepEqual(names(choose(withEndpoints("a", "TCP", 1))), ["default/a:p", undefined]);
});

test("session affinity is passed over, unless asked for", () => {
  const sticky = { sessionAffinity: "ClientIP", affinityTimeoutSeconds: 10 } as const;
  const objects = [...withEndpoints("a", "TCP", 5, sticky), ...withEndpoints("b", "TCP", 1)];
  assert.deepEqual(names(choose(objects)), ["default/b:p", undefined]);
  assert.deepEqual(names(choose(objects, "default/a")), ["default/a:p", undefined]);
});

test("a service is asked for by its name, with or without its port", () => {
  const objects = [...withEndpoints("a", "TCP", 5), ...withEndpoints("b", "TCP", 1)];
  assert.deepEqual(names(choose(objects, "default/b")), ["default/b:p", undefined]);
  assert.deepEqual(names(choose(objects, "default/b:p")), ["default/b:p", undefined]);
});

test("a service that is not there, or has no endpoints, is refused, and those that could be are named", () => {
  const objects = [...withEndpoints("a", "TCP", 2), ...withEndpoints("b", "TCP", 0)];
  for (const name of ["default/b", "default/missing"]) {
    assert.throws(
      () => choose(objects, name),
      refused("service", "a service with ready IPv4 endpoints (default/a:p)", name),
    );
  }
  assert.throws(
    () => choose([], "default/a"),
    refused("service", "a service with ready IPv4 endpoints (there is none)", "default/a"),
  );
});

test("where none was asked for and there is nothing to measure, it is the cluster that is wrong", () => {
  assert.throws(() => choose([]), refused("snapshot", "a service with ready IPv4 endpoints", "none"));
  const affine = [
    service({ sessionAffinity: "ClientIP", affinityTimeoutSeconds: 10 }),
    slice({ endpoints: ["10.244.0.1"] }),
  ];
  assert.throws(
    () => choose(affine),
    refused(
      "snapshot",
      "a service with ready IPv4 endpoints",
      "only some with session affinity, to be named one by one: default/web:http",
    ),
  );
});

test("ports of one name that differ in protocol alone are passed over", () => {
  const ports = [
    { name: "dns", protocol: "UDP", port: 53 },
    { name: "dns", protocol: "TCP", port: 53 },
  ] as const;
  const dns = [
    service({ name: "dns", ports }),
    slice({ service: "dns", ports, endpoints: ["10.244.0.1", "10.244.0.2"] }),
  ];
  assert.deepEqual(names(choose([...dns, ...withEndpoints("a", "TCP", 1)])), ["default/a:p", undefined]);
});

test("with internalTrafficPolicy Local only the node's own endpoints count", () => {
  const objects = [
    service({ internalTrafficPolicy: "Local" }),
    slice({
      endpoints: [endpoint("10.244.0.1", { nodeName: "node-a" }), endpoint("10.244.0.2", { nodeName: "node-b" })],
    }),
  ];
  const { tcp } = choose(objects);
  assert.deepEqual(
    usableEndpoints(tcp!).map(({ text }) => text),
    ["10.244.0.1:8080"],
  );
});
