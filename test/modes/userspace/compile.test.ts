import assert from "node:assert/strict";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import { isSluiceError } from "../../../src/core/errors.ts";
import { compileProgram } from "../../../src/modes/compile.ts";
import { renderProgram } from "../../../src/modes/render.ts";
import type { ForwardTable } from "../../../src/modes/userspace/forward-table.ts";
import type { UserspaceOptions } from "../../../src/modes/userspace/options.ts";
import { formatSocketAddr, protocolName } from "../../../src/net/flow.ts";
import { formatIp } from "../../../src/net/ip.ts";
import { seen } from "../../model/seen.ts";
import { endpoints, node, service } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";

const test = suite("userspace mode: the forward table");

function table(objects: readonly ClusterObject[], userspace: UserspaceOptions = {}): ForwardTable {
  const program = compileProgram("userspace", seen(objects), { userspace });
  assert.ok(program.mode === "userspace");
  return program.table;
}

/** `default/a tcp 0.0.0.0:30080`. */
function claimed({ claims }: ForwardTable): string[] {
  return claims.map(({ name, proto, addr }) => `${name} ${protocolName(proto)} ${formatSocketAddr(addr)}`);
}

function waysIn({ forwards }: ForwardTable): string[] {
  return forwards.map(({ name, portals, nodePort }) =>
    [name, ...portals.map(({ kind, addr }) => `${kind} ${formatSocketAddr(addr)}`), nodePort].join(", "),
  );
}

function rulesOf(of: ForwardTable): string[] {
  const [input] = renderProgram({ mode: "userspace", table: of });
  return input!.text.split("\n").filter((line) => line.startsWith("-A"));
}

const web = (given: Parameters<typeof service>[0] = {}, port: object = {}) =>
  service({ ports: [{ name: "", protocol: "TCP", port: 80, ...port }], ...given });

test("a forward has its cluster IP, external and load balancer addresses, IPv4 alone, and its node port", () => {
  const dns = service({
    type: "LoadBalancer",
    externalIPs: ["192.0.2.10", "fd00::1"],
    ingress: [{ ip: "203.0.113.10" }, { ip: "203.0.113.11", ipMode: "Proxy" }],
    ports: [{ name: "dns", protocol: "UDP", port: 53, nodePort: 30053 }],
    sessionAffinity: "ClientIP",
    affinityTimeoutSeconds: 60,
  });
  const compiled = table([node(), dns]);
  assert.deepEqual(waysIn(compiled), [
    "default/web:dns, cluster-ip 10.96.0.10:53, external-ip 192.0.2.10:53, load-balancer 203.0.113.10:53, " +
      "load-balancer 203.0.113.11:53, 30053",
  ]);
  assert.equal(compiled.forwards[0]!.affinitySeconds, 60);
  assert.deepEqual(claimed(compiled), ["default/web:dns udp 0.0.0.0:30053"]);
  const count = (part: string): number => rulesOf(compiled).filter((rule) => rule.includes(part)).length;
  // An external IP has two rules on the way in, and on the way out one where it is local.
  assert.deepEqual(["PORTALS-CONTAINER", "PORTALS-HOST", "NODEPORT"].map(count), [5, 4, 3]);
});

test("without Nodes a node port is there all the same: its rules, its socket, and the host by loopback", () => {
  const compiled = table([web({ type: "NodePort" }, { nodePort: 30080 }), endpoints({ addresses: ["10.244.1.10"] })]);
  assert.deepEqual(waysIn(compiled), ["default/web, cluster-ip 10.96.0.10:80, 30080"]);
  assert.deepEqual(claimed(compiled), ["default/web tcp 0.0.0.0:30080"]);
  assert.equal(formatIp(compiled.hostIp), "127.0.0.1");
  const rules = rulesOf(compiled).filter((rule) => rule.startsWith("-A KUBE-NODEPORT"));
  assert.deepEqual(rules.toSorted(), [
    "-A KUBE-NODEPORT-CONTAINER -m comment --comment default/web -p tcp -m tcp --dport 30080 -j REDIRECT --to-ports 11000",
    "-A KUBE-NODEPORT-HOST -m comment --comment default/web -p tcp -m tcp --dport 30080 " +
      "-j DNAT --to-destination 127.0.0.1:11000",
    "-A KUBE-NODEPORT-NON-LOCAL -m comment --comment default/web -p tcp -m tcp --dport 11000 -m state --state NEW -j ACCEPT",
  ]);
});

test("portals at addresses of the node are claimed, whatever their kind, each once", () => {
  const compiled = table([
    node({ addresses: [{ type: "InternalIP", address: "192.168.10.5" }] }),
    web({ externalIPs: ["192.168.10.5", "192.0.2.1"], ingress: [{ ip: "192.168.10.5" }] }),
    web({ name: "x", clusterIP: "192.168.10.5" }, { port: 81 }),
  ]);
  assert.deepEqual(claimed(compiled), ["default/web tcp 192.168.10.5:80", "default/x tcp 192.168.10.5:81"]);
});

test("of two that claim one socket the first by name has it, and the other stops there", () => {
  const both = (first: string, second: string): readonly ClusterObject[] => [
    node(),
    web({ name: first, type: "NodePort", externalIPs: ["192.168.10.5", "192.0.2.1"] }, { nodePort: 30080 }),
    web({ name: second, clusterIP: "10.96.0.11", externalIPs: ["192.168.10.5", "192.0.2.2"] }, { nodePort: 30081 }),
  ];
  assert.deepEqual(waysIn(table(both("a", "b"))), [
    "default/a, cluster-ip 10.96.0.10:80, external-ip 192.168.10.5:80, external-ip 192.0.2.1:80, 30080",
    "default/b, cluster-ip 10.96.0.11:80, 0",
  ]);
  assert.deepEqual(claimed(table(both("a", "b"))), ["default/a tcp 192.168.10.5:80", "default/a tcp 0.0.0.0:30080"]);
  assert.match(waysIn(table(both("b", "a")))[0]!, /^default\/a, .* 30081$/);
});

test("a socket at all addresses and one at a single address keep each other out; another protocol does not", () => {
  const compiled = (protocol: "TCP" | "UDP") =>
    table([
      node(),
      web({ name: "a", type: "NodePort" }, { nodePort: 30080 }),
      web({ name: "b", clusterIP: "10.96.0.11", externalIPs: ["192.168.10.5"] }, { port: 30080, protocol }),
    ]);
  assert.deepEqual(claimed(compiled("TCP")), ["default/a tcp 0.0.0.0:30080"]);
  assert.deepEqual(claimed(compiled("UDP")), ["default/a tcp 0.0.0.0:30080", "default/b udp 192.168.10.5:30080"]);
});

test("proxy ports are the lowest of the range, one a forward, past the ports of claimed sockets", () => {
  const ports = (objects: readonly ClusterObject[], portRange?: string) =>
    table(objects, portRange === undefined ? {} : { portRange }).forwards.map(({ proxyPort }) => proxyPort);
  const three = ["a", "b", "c"].map((name, at) => web({ name, clusterIP: `10.96.0.1${at}` }));
  assert.deepEqual(ports(three), [11_000, 11_001, 11_002]);
  assert.deepEqual(ports(three, "36000-36002"), [36_000, 36_001, 36_002]);
  assert.deepEqual(ports(three, "36000+2"), [36_000, 36_001, 36_002]);
  assert.deepEqual(ports([web()], "36000"), [36_000]);
  const holding = web({ name: "d", type: "NodePort", clusterIP: "10.96.0.19" }, { nodePort: 30_001 });
  assert.deepEqual(ports([...three, holding], "30000-30004"), [30_000, 30_002, 30_003, 30_004]);
  for (const portRange of ["36000-36001", "36000+1", "65534+5"]) {
    assert.throws(
      () => ports(three, portRange),
      (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === "userspace.portRange",
      portRange,
    );
  }
});

test("a forward keeps its proxy port while others come and go, and no other gets the port of one that went", () => {
  const of = (names: readonly string[], before: ForwardTable | undefined, portRange = "36000-36009") =>
    table(
      names.map((name) => web({ name, clusterIP: "10.96.0.10" })),
      before === undefined ? { portRange } : { portRange, before },
    );
  const ports = ({ forwards }: ForwardTable) => forwards.map(({ name, proxyPort }) => [name.slice(8), proxyPort]);
  const first = of(["b", "d"], undefined);
  const second = of(["a", "b", "c"], first);
  assert.deepEqual(ports(second), [
    ["a", 36_002],
    ["b", 36_000],
    ["c", 36_003],
  ]);
  assert.deepEqual(ports(of(["d"], second)), [["d", 36_001]]);
  // Unless there is no other.
  assert.deepEqual(ports(of(["c"], of(["b"], undefined, "36000"), "36000")), [["c", 36_000]]);
  // A port outside the range is no port to keep.
  assert.deepEqual(ports(of(["b"], first, "37000-37009")), [["b", 37_000]]);
});

test("bound to one address, traffic is led to that one, from hosts and from the node", () => {
  const compiled = table([node(), web({ type: "NodePort" }, { nodePort: 30080 })], { bindAddress: "192.168.10.6" });
  assert.deepEqual([formatIp(compiled.bindIp), formatIp(compiled.hostIp)], ["192.168.10.6", "192.168.10.6"]);
  const targets = rulesOf(compiled).flatMap((rule) => / -j (DNAT .*|REDIRECT .*)$/.exec(rule)?.[1] ?? []);
  assert.deepEqual(
    targets,
    Array.from({ length: 4 }, () => "DNAT --to-destination 192.168.10.6:11000"),
  );
  const free = table([node(), web()]);
  assert.deepEqual([formatIp(free.bindIp), formatIp(free.hostIp)], ["0.0.0.0", "192.168.10.5"]);
});

const wrong: readonly (readonly [UserspaceOptions | { readonly portrange: string }, string])[] = [
  [{ bindAddress: "127.0.0.1" }, "userspace.bindAddress"],
  [{ bindAddress: "::1" }, "userspace.bindAddress"],
  [{ bindAddress: "fd00::1" }, "userspace.bindAddress"],
  [{ bindAddress: "node-a" }, "userspace.bindAddress"],
  ...["0", "0-0", "5-1", "1-65536", "a-b", "1-2-3", "-5", ""].map(
    (portRange) => [{ portRange }, "userspace.portRange"] as const,
  ),
  [{ portrange: "1-2" }, "userspace.portrange"],
];

test("options that cannot be are refused by name", () => {
  for (const [userspace, path] of wrong) {
    assert.throws(
      () => table([web()], userspace as UserspaceOptions),
      (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === path,
      JSON.stringify(userspace),
    );
  }
});
