import assert from "node:assert/strict";
import { changesFor } from "../../src/agent/changes.ts";
import type { ClusterObject } from "../../src/cluster/objects.ts";
import { snapshotOf } from "../../src/cluster/state.ts";
import { buildModel } from "../../src/model/build.ts";
import type { Mode } from "../../src/modes/program.ts";
import { endpoint, endpoints, node, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";

/** One line a change. */
function changes(mode: Mode, before: readonly ClusterObject[], after: readonly ClusterObject[]): readonly string[] {
  const [from, to] = [before, after].map((objects) => buildModel(snapshotOf([node(), ...objects]), "node-a"));
  return changesFor(mode, from!, to!).map(
    ({ servicePort, family, what, endpointsAdded, endpointsRemoved }) =>
      `${what} ${servicePort} IPv${family} +${endpointsAdded} -${endpointsRemoved}`,
  );
}

const slices = (...ips: readonly string[]) => [service(), slice({ endpoints: ips })];
/** As the userspace mode reads it, with the same slice all the time. */
const subsets = (...ips: readonly string[]) => [
  service(),
  slice({ endpoints: ["10.9.9.9"] }),
  endpoints({ addresses: ips }),
];

interface Row {
  readonly it: string;
  readonly modes: readonly Mode[];
  readonly before: readonly ClusterObject[];
  readonly after: readonly ClusterObject[];
  readonly expected: readonly string[];
}

const rows: readonly Row[] = [
  {
    it: "the same is no change",
    modes: ["iptables", "ipvs", "userspace"],
    before: slices("10.0.0.1"),
    after: slices("10.0.0.1"),
    expected: [],
  },
  {
    it: "endpoints of slices come and go",
    modes: ["iptables", "ipvs", "userspace"],
    before: slices("10.0.0.1", "10.0.0.2"),
    after: slices("10.0.0.2", "10.0.0.3", "10.0.0.4"),
    expected: ["changed default/web:http IPv4 +2 -1"],
  },
  {
    it: "endpoints of an Endpoints object come and go for the mode that reads it",
    modes: ["userspace"],
    before: subsets("10.0.0.1", "10.0.0.2"),
    after: subsets("10.0.0.2", "10.0.0.3"),
    expected: ["changed default/web:http IPv4 +1 -1"],
  },
  {
    it: "and for no other",
    modes: ["iptables", "ipvs"],
    before: subsets("10.0.0.1", "10.0.0.2"),
    after: subsets("10.0.0.2", "10.0.0.3"),
    expected: [],
  },
  {
    it: "an endpoint that is no longer ready is one that went",
    modes: ["iptables", "ipvs", "userspace"],
    before: slices("10.0.0.1", "10.0.0.2"),
    after: [service(), slice({ endpoints: ["10.0.0.1", endpoint("10.0.0.2", { ready: false, serving: false })] })],
    expected: ["changed default/web:http IPv4 +0 -1"],
  },
  {
    it: "another cluster IP is a change without endpoints",
    modes: ["iptables", "ipvs", "userspace"],
    before: slices("10.0.0.1"),
    after: [service({ clusterIP: "10.96.0.99" }), slice({ endpoints: ["10.0.0.1"] })],
    expected: ["changed default/web:http IPv4 +0 -0"],
  },
  {
    it: "a Service comes with its endpoints, and another one goes with its own",
    modes: ["iptables", "ipvs", "userspace"],
    before: slices("10.0.0.1"),
    after: [
      service({ name: "api", clusterIP: "10.96.0.11" }),
      slice({ service: "api", endpoints: ["10.0.0.2", "10.0.0.3"] }),
    ],
    expected: ["added default/api:http IPv4 +2 -0", "removed default/web:http IPv4 +0 -1"],
  },
  {
    it: "the second family of a Service is a change of its own, which the userspace mode does not see",
    modes: ["iptables", "ipvs"],
    before: slices("10.0.0.1"),
    after: [
      service({ clusterIPs: ["10.96.0.10", "fd00::10"] }),
      slice({ endpoints: ["10.0.0.1"] }),
      slice({ addressType: "IPv6", endpoints: ["fd00:1::1"] }),
    ],
    expected: ["added default/web:http IPv6 +1 -0"],
  },
];

const test = suite("changes between two models");

for (const { it, modes, before, after, expected } of rows) {
  for (const mode of modes) test(`${mode}: ${it}`, () => assert.deepEqual(changes(mode, before, after), expected));
}
