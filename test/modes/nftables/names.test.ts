import assert from "node:assert/strict";
import { endpointNames, isServiceChain, serviceChains } from "../../../src/modes/nftables/names.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { type Protocol, SCTP, TCP, UDP } from "../../../src/net/flow.ts";
import { suite } from "../../support/suite.ts";

const test = suite("names of nftables chains and sets");
const port = (namespace: string, service: string, portName: string, proto: Protocol = TCP) => ({
  namespace,
  service,
  portName,
  proto,
});

test("service chains have kube-proxy's names", () => {
  for (const [namespace, service, portName, hash] of [
    ["testing", "service", "http", "P4ZYZVCF"],
    ["testing", "service", "https", "LZBRENCP"],
    ["ns1", "svc1", "p80", "ULMVA6XW"],
    ["ns2", "svc2", "p80", "42NFTM6N"],
    ["ns3", "svc3", "p80", "4AT6LBPK"],
    ["ns4", "svc4", "p80", "LAUZTJTB"],
    ["ns5", "svc5", "p80", "HVFWP5L3"],
    ["ns2", "svc2", "p8080", "MHHHYRWA"],
    ["default", "kubernetes", "https", "2QRHZV4L"],
    ["ns1", "svc1", "", "6KJ5P52A"],
  ] as const) {
    const name = `${hash}-${namespace}/${service}/tcp/${portName}`;
    assert.deepEqual(serviceChains(port(namespace, service, portName)), {
      cluster: `service-${name}`,
      local: `local-${name}`,
      external: `external-${name}`,
      firewall: `firewall-${name}`,
    });
  }
});

test("endpoint chains and affinity sets have kube-proxy's names", () => {
  for (const [namespace, service, portName, ip, name] of [
    ["testing", "service", "http", "10.180.0.1", "JO2XBXZR-testing/service/tcp/http__10.180.0.1/80"],
    ["testing", "service", "http", "10.180.0.2", "5S6H3H22-testing/service/tcp/http__10.180.0.2/80"],
    ["ns1", "svc1", "p80", "10.180.0.1", "5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80"],
    ["ns5", "svc5", "p80", "10.180.0.3", "GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80"],
    ["ns1", "svc1", "p80", "fd00::1", "MDGHXLRU-ns1/svc1/tcp/p80__fd00..1/80"],
  ] as const) {
    const names = endpointNames(port(namespace, service, portName), { ip: parseIp(ip), port: 80 });
    assert.deepEqual(names, { chain: `endpoint-${name}`, affinity: `affinity-${name}` });
  }
});

test("the protocol is part of the name", () => {
  const names = ([TCP, UDP, SCTP] as const).map((proto) => serviceChains(port("a", "b", "c", proto)).cluster);
  assert.equal(new Set(names.map((name) => name.split("-")[1])).size, 3);
  assert.ok(names[2]!.endsWith("-a/b/sctp/c"));
});

test("a name of 240 characters is whole, a longer one ends in dots and differs by its hash", () => {
  /** The hash and a dash are 9 characters, `/`, `/tcp/` and `p` seven. */
  const ofLength = (length: number, last = "s"): string =>
    serviceChains(port("n".repeat(100), "s".repeat(length - 117) + last, "p")).cluster.slice("service-".length);
  assert.equal(ofLength(240).length, 240);
  assert.ok(!ofLength(240).endsWith("..."));
  assert.equal(ofLength(241).length, 240);
  assert.ok(ofLength(241).endsWith("..."));
  const [a, b] = [ofLength(400, "a"), ofLength(400, "b")];
  assert.equal(a!.slice(9), b!.slice(9));
  assert.notEqual(a, b);
});

test("a chain of a service is told by its slash", () => {
  assert.ok(isServiceChain(serviceChains(port("a", "b", "")).firewall));
  assert.ok(!isServiceChain("cluster-ips-check"));
});
