import assert from "node:assert/strict";
import type { ClusterObject } from "../../src/cluster/objects.ts";
import { snapshotOf } from "../../src/cluster/state.ts";
import { buildModel } from "../../src/model/build.ts";
import type { Model } from "../../src/model/model.ts";
import type { Endpoint, ServicePort } from "../../src/model/service-port.ts";
import { formatSocketAddr, protocolName } from "../../src/net/flow.ts";
import type { Family } from "../../src/net/ip.ts";

/** What `node-a` sees of these objects. */
export function seen(objects: readonly ClusterObject[], nodeName = "node-a"): Model {
  return buildModel(snapshotOf(objects), nodeName);
}

/** The only service port that `node-a` sees in this family. */
export function onlyPort(objects: readonly ClusterObject[], family: Family = 4): ServicePort {
  const ports = seen(objects).servicePorts[family];
  assert.equal(ports.length, 1, `service ports: ${ports.map(({ name }) => name)}`);
  return ports[0]!;
}

/** `ip:port` of each endpoint. */
export function texts(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.map(({ text }) => text);
}

/** One line a service port: its name, protocol, address and endpoints. */
export function lines(ports: readonly ServicePort[]): readonly string[] {
  return ports.map(({ name, proto, clusterIp, port, endpoints }) =>
    [name, protocolName(proto), formatSocketAddr({ ip: clusterIp, port }), ...texts(endpoints)].join(" "),
  );
}
