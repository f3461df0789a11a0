import assert from "node:assert/strict";
import type { Node } from "../../src/cluster/objects.ts";
import { formatCidr } from "../../src/net/cidr.ts";
import { formatIp } from "../../src/net/ip.ts";
import { node } from "../support/objects.ts";
import { suite } from "../support/suite.ts";
import { seen } from "./seen.ts";

const internal = (address: string) => ({ type: "InternalIP", address });
const external = (address: string) => ({ type: "ExternalIP", address });
const unknown = { zone: "", ip4: "127.0.0.1", ip6: "::1", addresses: [], podCidrs: [] };

interface Row {
  readonly it: string;
  readonly given: readonly Node[];
  readonly expect: { zone?: string; ip4?: string; ip6?: string; addresses?: string[]; podCidrs?: string[] };
}

const rows: readonly Row[] = [
  {
    it: "a node that the cluster does not hold is at loopback, in no zone",
    given: [node({ name: "node-b" })],
    expect: unknown,
  },
  {
    it: "a node has the addresses, pod ranges and zone of its object",
    given: [node({ name: "node-b", zone: "zone-b" }), node()],
    expect: {
      zone: "zone-a",
      ip4: "192.168.10.5",
      ip6: "fd00:192:168:10::5",
      addresses: ["192.168.10.5", "fd00:192:168:10::5"],
      podCidrs: ["10.244.1.0/24", "fd00:10:244:1::/64"],
    },
  },
  {
    it: "an internal address goes before an external one, the first of several counts",
    given: [node({ addresses: [external("1.2.3.4"), internal("10.0.0.1"), internal("10.0.0.2")] })],
    expect: { ip4: "10.0.0.1", ip6: "::1", addresses: ["10.0.0.1", "10.0.0.2", "1.2.3.4"] },
  },
  {
    it: "each family looks for itself: internal in one, external in the other",
    given: [node({ addresses: [internal("fd00::1"), external("fd00::2"), external("1.2.3.4")] })],
    expect: { ip4: "1.2.3.4", ip6: "fd00::1", addresses: ["fd00::1", "fd00::2", "1.2.3.4"] },
  },
  {
    it: "host names, other types and bad texts are no addresses; one that is listed twice is one",
    given: [
      node({
        addresses: [
          { type: "Hostname", address: "10.0.0.9" },
          internal("node"),
          internal("10.0.0.01"),
          external("10.0.0.1"),
        ],
      }),
    ],
    expect: { ip4: "10.0.0.1", addresses: ["10.0.0.1"] },
  },
  {
    it: "loopback is not listed",
    given: [node({ addresses: [internal("127.0.0.1"), internal("::1")] })],
    expect: { ip4: "127.0.0.1", ip6: "::1", addresses: [] },
  },
  {
    it: "no zone label: no zone",
    given: [{ ...node(), metadata: { ...node().metadata, labels: {} } }],
    expect: { zone: "" },
  },
  {
    it: "bad pod ranges are left out",
    given: [node({ podCIDRs: ["10.0.0.0", "10.0.0.7/24"] })],
    expect: { podCidrs: ["10.0.0.0/24"] },
  },
];

const test = suite("model: the node");
for (const { it, given, expect } of rows) {
  test(it, () => {
    const view = seen(given).node;
    const written = {
      name: view.name,
      zone: view.zone,
      ip4: formatIp(view.ip4),
      ip6: formatIp(view.ip6),
      addresses: view.addresses.map(formatIp),
      podCidrs: view.podCidrs.map(formatCidr),
    };
    assert.deepEqual(written, { ...written, name: "node-a", ...expect });
  });
}
