import assert from "node:assert/strict";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import { isSluiceError } from "../../../src/core/errors.ts";
import { compileIpvs } from "../../../src/modes/ipvs/compile.ts";
import { type IpvsOptions, resolveIpvsOptions } from "../../../src/modes/ipvs/options.ts";
import { renderIpvs } from "../../../src/modes/ipvs/render.ts";
import { seen } from "../../model/seen.ts";
import { endpoint, node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";

const test = suite("ipvs mode");

const local = endpoint("10.244.1.10", { nodeName: "node-a" });
const remote = endpoint("10.244.2.10", { nodeName: "node-b" });
const both = slice({ endpoints: [local, remote] });
const external: Parameters<typeof service>[0] = {
  type: "LoadBalancer",
  ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30080 }],
  externalIPs: ["192.0.2.10"],
  ingress: [{ ip: "203.0.113.10" }],
};

function lines(objects: readonly ClusterObject[], options: IpvsOptions = {}, family: 4 | 6 = 4): readonly string[] {
  const text = renderIpvs(compileIpvs(seen(objects), family, resolveIpvsOptions(options)));
  return text.split("\n").slice(0, -1);
}

/** The lines of one virtual server with these real servers. */
function server(service: string, ...servers: readonly string[]): readonly string[] {
  return [`-A ${service} -s rr`, ...servers.map((addr) => `-a ${service} -r ${addr} -m -w 1`)];
}

const [l, r] = ["10.244.1.10:8080", "10.244.2.10:8080"];

test("a cluster IP is one virtual server with all endpoints, each of weight 1, in order", () => {
  assert.deepEqual(lines([node(), service(), both]), server("-t 10.96.0.10:80", l, r));
});

test("each address has a virtual server, and a node port has one with each address of the node", () => {
  const addresses = [
    { type: "InternalIP", address: "192.168.10.5" },
    { type: "ExternalIP", address: "198.51.100.5" },
    { type: "InternalIP", address: "127.0.0.1" },
  ];
  assert.deepEqual(lines([node({ addresses }), service(external), both]), [
    ...server("-t 10.96.0.10:80", l, r),
    ...server("-t 192.0.2.10:80", l, r),
    ...server("-t 203.0.113.10:80", l, r),
    ...server("-t 192.168.10.5:30080", l, r),
    ...server("-t 198.51.100.5:30080", l, r),
  ]);
});

test("node port ranges choose among the node's addresses, and loopback is never one", () => {
  const nodePorts = (nodePortAddresses: readonly string[]): readonly string[] =>
    lines([node(), service(external)], { nodePortAddresses }).filter((line) => line.includes(":30080"));
  assert.deepEqual(nodePorts(["192.168.0.0/16", "127.0.0.0/8"]), ["-A -t 192.168.10.5:30080 -s rr"]);
  assert.deepEqual(nodePorts(["172.16.0.0/12"]), []);
  assert.deepEqual(nodePorts(["primary"]), ["-A -t 192.168.10.5:30080 -s rr"]);
});

test("node ports answer at the addresses of the interfaces where they are known, but for link-local ones", () => {
  const localAddresses = ["10.0.0.5", "127.0.0.1", "fe80::1", "fd00::5"];
  const dual = service({ ...external, clusterIPs: ["10.96.0.10", "fd00:96::10"] });
  const onNode = (family: 4 | 6, nodePortAddresses: readonly string[] = []): readonly string[] =>
    lines([node(), dual], { localAddresses, nodePortAddresses }, family).filter((line) => line.includes(":30080"));
  assert.deepEqual(onNode(4), ["-A -t 10.0.0.5:30080 -s rr"]);
  assert.deepEqual(onNode(6), ["-A -t [fd00::5]:30080 -s rr"]);
  assert.deepEqual(onNode(6, ["fe80::/10"]), ["-A -t [fe80::1]:30080 -s rr"]);
});

test("without a Node and without interfaces node ports answer on loopback, unless ranges say otherwise", () => {
  const dual = service({ ...external, clusterIPs: ["10.96.0.10", "fd00:96::10"] });
  const onNode = (family: 4 | 6, nodePortAddresses: readonly string[] = []): readonly string[] =>
    lines([dual, both], { nodePortAddresses }, family).filter((line) => line.includes(":30080"));
  assert.deepEqual(onNode(4), server("-t 127.0.0.1:30080", l, r));
  assert.deepEqual(onNode(6), ["-A -t [::1]:30080 -s rr"]);
  assert.deepEqual(onNode(4, ["192.168.0.0/16"]), []);
  // A Node of one family is known, and has no address of the other.
  assert.deepEqual(
    lines([node({ addresses: [{ type: "InternalIP", address: "192.168.10.5" }] }), dual], {}, 6).filter((line) =>
      line.includes(":30080"),
    ),
    [],
  );
});

test("a service without endpoints has its virtual server all the same", () => {
  assert.deepEqual(lines([node(), service()]), ["-A -t 10.96.0.10:80 -s rr"]);
});

test("policy Local has the local endpoints, each policy for its own addresses", () => {
  const inside = lines([node(), service({ ...external, internalTrafficPolicy: "Local" }), both]);
  assert.deepEqual(inside.slice(0, 2), server("-t 10.96.0.10:80", l));
  assert.deepEqual(inside.slice(2, 5), server("-t 192.0.2.10:80", l, r));
  const outside = lines([node(), service({ ...external, externalTrafficPolicy: "Local" }), both]);
  assert.deepEqual(outside.slice(0, 3), server("-t 10.96.0.10:80", l, r));
  assert.deepEqual(outside.slice(3, 5), server("-t 192.0.2.10:80", l));
});

test("policy Local with none here falls back to all endpoints, where the service is reached from outside", () => {
  const onlyRemote = slice({ endpoints: [remote] });
  const outside = lines([node(), service({ ...external, externalTrafficPolicy: "Local" }), onlyRemote]);
  assert.deepEqual(outside.slice(2, 4), server("-t 192.0.2.10:80", r));
  // Reached from inside only, it has no list to fall back to.
  assert.deepEqual(lines([node(), service({ internalTrafficPolicy: "Local" }), onlyRemote]), [
    "-A -t 10.96.0.10:80 -s rr",
  ]);
});

test("schedulers, their flags and persistence", () => {
  const sticky = service({ sessionAffinity: "ClientIP", affinityTimeoutSeconds: 10800 });
  const first = (scheduler: string): string | undefined => lines([node(), sticky], { scheduler })[0];
  assert.equal(first("sed"), "-A -t 10.96.0.10:80 -s sed -p 10800");
  assert.equal(first("mh"), "-A -t 10.96.0.10:80 -s mh -p 10800 -b mh-port");
});

test("UDP, SCTP and IPv6 have their own spelling", () => {
  const dns = service({
    clusterIPs: ["10.96.0.10", "fd00:96::10"],
    ports: [
      { name: "dns", protocol: "UDP", port: 53 },
      { name: "sig", protocol: "SCTP", port: 99 },
    ],
  });
  const ports = [
    { name: "dns", protocol: "UDP" as const, port: 5353 },
    { name: "sig", protocol: "SCTP" as const, port: 9900 },
  ];
  const objects = [node(), dns, slice({ addressType: "IPv6", ports, endpoints: ["fd00:10:244:1::10"] })];
  assert.deepEqual(lines(objects, {}, 6), [
    ...server("-u [fd00:96::10]:53", "[fd00:10:244:1::10]:5353"),
    ...server("--sctp-service [fd00:96::10]:99", "[fd00:10:244:1::10]:9900"),
  ]);
  assert.deepEqual(lines(objects), ["-A -u 10.96.0.10:53 -s rr", "-A --sctp-service 10.96.0.10:99 -s rr"]);
});

test("an address that two services claim belongs to the first by name", () => {
  const [a, b] = ["a", "b"].map((name, i) =>
    service({ name, clusterIP: `10.96.0.${i + 1}`, externalIPs: ["192.0.2.10"] }),
  );
  const objects = [node(), b!, a!, slice({ service: "a", endpoints: ["10.0.0.1"] })];
  const shared = compileIpvs(seen(objects), 4, resolveIpvsOptions()).virtualServers.filter(
    ({ servicePort, servers }) => servicePort === "default/a:http" && servers.length === 1,
  );
  assert.equal(shared.length, 2);
  assert.equal(lines(objects).filter((line) => line.startsWith("-A -t 192.0.2.10:80")).length, 1);
});

test("a wrong option is refused by name", () => {
  const wrong: readonly (readonly [object, string])[] = [
    [{ scheduler: "least" }, "ipvs.scheduler"],
    [{ scheduler: "rr -A" }, "ipvs.scheduler"],
    [{ scheduler: 1 }, "ipvs.scheduler"],
    [{ schedular: "rr" }, "ipvs.schedular"],
    [{ nodePortAddresses: ["x"] }, "ipvs.nodePortAddresses[0]"],
    [{ localAddresses: ["192.0.2.1", "192.0.2.0/24"] }, "ipvs.localAddresses[1]"],
    [{ localAddresses: "192.0.2.1" }, "ipvs.localAddresses"],
    [{ masqueradeBit: 32 }, "ipvs.masqueradeBit"],
    [{ masqueradeAll: "yes" }, "ipvs.masqueradeAll"],
    [{ randomFully: 1 }, "ipvs.randomFully"],
    [{ strictARP: null }, "ipvs.strictARP"],
    [{ excludeCIDRs: ["10.0.0.1"] }, "ipvs.excludeCIDRs[0]"],
    [{ detectLocal: { by: "luck" } }, "ipvs.detectLocal"],
    [{ tcpTimeoutSeconds: -1 }, "ipvs.tcpTimeoutSeconds"],
    [{ tcpFinTimeoutSeconds: 1.5 }, "ipvs.tcpFinTimeoutSeconds"],
    [{ udpTimeoutSeconds: 2_147_484 }, "ipvs.udpTimeoutSeconds"],
  ];
  for (const [options, path] of wrong) {
    assert.throws(
      () => resolveIpvsOptions(options as IpvsOptions),
      (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === path,
      path,
    );
  }
});

test("a scheduler or flag that is no plain word is never written", () => {
  const [first] = compileIpvs(seen([node(), service()]), 4, resolveIpvsOptions()).virtualServers;
  for (const bad of [{ scheduler: "rr\n-C" }, { flags: ["mh-port -C"] }]) {
    const tables = { family: 4 as const, virtualServers: [{ ...first!, ...bad }] };
    assert.throws(
      () => renderIpvs(tables),
      (error) => isSluiceError(error, "RULE_TEXT_INVALID"),
    );
  }
});
