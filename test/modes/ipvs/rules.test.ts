import assert from "node:assert/strict";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import { renderIptables } from "../../../src/modes/iptables/render.ts";
import { compileIpvs } from "../../../src/modes/ipvs/compile.ts";
import { type IpvsOptions, resolveIpvsOptions } from "../../../src/modes/ipvs/options.ts";
import type { Family } from "../../../src/net/ip.ts";
import { seen } from "../../model/seen.ts";
import { endpoint, node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";

const test = suite("ipvs mode: rules");

/** The rules of one chain, without `-A CHAIN` and comments. */
function chain(
  name: string,
  objects: readonly ClusterObject[],
  options: IpvsOptions = {},
  family: Family = 4,
): string[] {
  const [table, only] = name.split("/") as [string, string];
  const { rules } = compileIpvs(seen(objects), family, resolveIpvsOptions(options)).around!;
  const tables = rules.tables.filter((one) => one.name === table);
  const lines = renderIptables({ family, tables }, "restore").split("\n");
  const start = new RegExp(`^-[AI] ${only} `);
  return lines
    .filter((line) => start.test(line))
    .map((line) => line.replace(start, "").replace(/-m comment --comment (?:"[^"]*"|\S+) /, ""));
}

const external: Parameters<typeof service>[0] = {
  type: "LoadBalancer",
  ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30080 }],
  externalIPs: ["192.0.2.10"],
  ingress: [{ ip: "203.0.113.10" }],
};
const pods = slice({ endpoints: [endpoint("10.244.1.10", { nodeName: "node-a" })] });
const all = [node(), service(external), pods];
const local = [node(), service({ ...external, externalTrafficPolicy: "Local", healthCheckNodePort: 32000 }), pods];

test("what is to be IPVS's is marked or let through, in kube-proxy's order", () => {
  assert.deepEqual(chain("nat/KUBE-SERVICES", all), [
    "-s 127.0.0.0/8 -j RETURN",
    "-m set --match-set KUBE-LOAD-BALANCER dst,dst -j KUBE-LOAD-BALANCER",
    "-m set --match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ",
    "-m set --match-set KUBE-EXTERNAL-IP dst,dst -j KUBE-MARK-MASQ",
    "-m set --match-set KUBE-EXTERNAL-IP dst,dst -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT",
    "-m set --match-set KUBE-EXTERNAL-IP dst,dst -m addrtype --dst-type LOCAL -j ACCEPT",
    "-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT",
    "-m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT",
    "-m set --match-set KUBE-LOAD-BALANCER dst,dst -j ACCEPT",
  ]);
});

test("policy Local keeps the client's address at external IPs, load balancers and node ports", () => {
  const services = chain("nat/KUBE-SERVICES", local);
  assert.equal(services.filter((rule) => rule.includes("EXTERNAL-IP-LOCAL")).length, 2);
  assert.ok(!services.some((rule) => rule.includes("EXTERNAL-IP") && rule.endsWith("KUBE-MARK-MASQ")));
  assert.deepEqual(chain("nat/KUBE-LOAD-BALANCER", local), [
    "-m set --match-set KUBE-LOAD-BALANCER-LOCAL dst,dst -j RETURN",
    "-j KUBE-MARK-MASQ",
  ]);
  assert.deepEqual(chain("nat/KUBE-NODE-PORT", local), [
    "-p tcp -m set --match-set KUBE-NODE-PORT-LOCAL-TCP dst -j RETURN",
    "-p tcp -m set --match-set KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ",
  ]);
  assert.deepEqual(chain("nat/KUBE-LOAD-BALANCER", all), ["-j KUBE-MARK-MASQ"]);
});

test("SCTP's node ports are asked for with their address", () => {
  const ports = [{ name: "http", protocol: "SCTP", port: 80, nodePort: 30080 }] as const;
  assert.deepEqual(chain("nat/KUBE-NODE-PORT", [node(), service({ ...external, ports })]), [
    "-p sctp -m set --match-set KUBE-NODE-PORT-SCTP-HASH dst,dst -j KUBE-MARK-MASQ",
  ]);
});

test("traffic to cluster IPs is masqueraded as the options say", () => {
  const of = (options: IpvsOptions, family: Family = 4): string =>
    chain("nat/KUBE-SERVICES", [node(), service({ clusterIPs: ["10.96.0.10", "fd00:96::10"] })], options, family)[1]!;
  const set = "-m set --match-set KUBE-CLUSTER-IP";
  assert.equal(of({ masqueradeAll: true }), `${set} dst,dst -j KUBE-MARK-MASQ`);
  const cidr = { detectLocal: { by: "cluster-cidr", ranges: ["10.244.0.0/16"] } } as const;
  assert.equal(of(cidr), `${set} dst,dst ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ`);
  assert.equal(of(cidr, 6), "-m set --match-set KUBE-6-CLUSTER-IP src,dst -j KUBE-MARK-MASQ");
  assert.equal(of({ detectLocal: { by: "node-cidr" } }), `${set} dst,dst ! -s 10.244.1.0/24 -j KUBE-MARK-MASQ`);
  const bridge = { detectLocal: { by: "bridge-interface", name: "br0" } } as const;
  assert.equal(of(bridge), `${set} dst,dst ! -i br0 -j KUBE-MARK-MASQ`);
  const prefix = { detectLocal: { by: "interface-prefix", prefix: "veth" } } as const;
  assert.equal(of(prefix), `${set} dst,dst ! -i veth+ -j KUBE-MARK-MASQ`);
});

test("masquerading is done for the mark, and for endpoints that reach themselves", () => {
  assert.deepEqual(chain("nat/KUBE-POSTROUTING", all, { masqueradeBit: 15 }), [
    "-m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE",
    "-m mark ! --mark 0x00008000/0x00008000 -j RETURN",
    "-j MARK --xor-mark 0x00008000",
    "-j MASQUERADE --random-fully",
  ]);
  assert.equal(chain("nat/KUBE-POSTROUTING", [node()], { randomFully: false }).at(-1), "-j MASQUERADE");
  assert.deepEqual(chain("nat/KUBE-MARK-MASQ", []), ["-j MARK --or-mark 0x00004000"]);
});

test("source ranges close a load balancer's address, to the node too unless they hold it", () => {
  const guarded = (range: string): ClusterObject[] => [
    node(),
    service({ ...external, loadBalancerSourceRanges: [range] }),
    pods,
  ];
  const [open, closed] = [guarded("192.168.0.0/16"), guarded("198.51.100.0/24")];
  assert.deepEqual(chain("filter/KUBE-PROXY-FIREWALL", closed), [
    "-m set --match-set KUBE-LOAD-BALANCER-FW dst,dst -j KUBE-SOURCE-RANGES-FIREWALL",
  ]);
  assert.deepEqual(chain("filter/KUBE-SOURCE-RANGES-FIREWALL", open), [
    "-m set --match-set KUBE-LOAD-BALANCER-SOURCE-CIDR dst,dst,src -j RETURN",
    "-m set --match-set KUBE-LOAD-BALANCER-SOURCE-IP dst,dst,src -j RETURN",
    "-j DROP",
  ]);
  assert.deepEqual(chain("filter/KUBE-IPVS-OUT-FILTER", open), []);
  assert.deepEqual(chain("filter/KUBE-IPVS-OUT-FILTER", closed), [
    "-s 203.0.113.10 -m ipvs --vproto tcp --vaddr 203.0.113.10 --vport 80 -j DROP",
  ]);
  assert.deepEqual(chain("filter/KUBE-SOURCE-RANGES-FIREWALL", all), ["-j DROP"]);
  assert.deepEqual(chain("filter/KUBE-PROXY-FIREWALL", all), []);
});

test("a node without services lets health checks in, forwards marked traffic, and guards the ports of the host", () => {
  assert.deepEqual(chain("nat/KUBE-SERVICES", [], {}, 6), [
    "-s ::1 -j RETURN",
    "-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT",
  ]);
  assert.deepEqual(chain("filter/KUBE-NODE-PORT", []), [
    "-m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j ACCEPT",
  ]);
  assert.deepEqual(chain("filter/KUBE-FORWARD", []), [
    "-m mark --mark 0x00004000/0x00004000 -j ACCEPT",
    "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
  ]);
  assert.deepEqual(chain("filter/KUBE-IPVS-FILTER", []), [
    "-m set --match-set KUBE-LOAD-BALANCER dst,dst -j RETURN",
    "-m set --match-set KUBE-CLUSTER-IP dst,dst -j RETURN",
    "-m set --match-set KUBE-EXTERNAL-IP dst,dst -j RETURN",
    "-m set --match-set KUBE-EXTERNAL-IP-LOCAL dst,dst -j RETURN",
    "-m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j RETURN",
    "-m conntrack --ctstate NEW -m set --match-set KUBE-IPVS-IPS dst -j REJECT",
  ]);
});

test("the kernel's own chains jump to ours, each jump put in front of those before it", () => {
  assert.deepEqual(chain("filter/INPUT", []), ["-j KUBE-NODE-PORT", "-j KUBE-PROXY-FIREWALL", "-j KUBE-IPVS-FILTER"]);
  assert.deepEqual(chain("filter/FORWARD", []), ["-j KUBE-FORWARD", "-j KUBE-PROXY-FIREWALL"]);
  assert.deepEqual(chain("filter/OUTPUT", []), ["-j KUBE-IPVS-OUT-FILTER"]);
  for (const name of ["PREROUTING", "OUTPUT"]) assert.deepEqual(chain(`nat/${name}`, []), ["-j KUBE-SERVICES"]);
  assert.deepEqual(chain("nat/POSTROUTING", []), ["-j KUBE-POSTROUTING"]);
});

test("the number of rules does not grow with the services", () => {
  const count = (n: number): number => {
    const services = Array.from({ length: n }, (_, i) => service({ name: `s${i}`, clusterIP: `10.96.1.${i + 1}` }));
    const { rules } = compileIpvs(seen([node(), ...services]), 4, resolveIpvsOptions()).around!;
    return rules.tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules)).length;
  };
  assert.equal(count(1), count(100));
});
