import assert from "node:assert/strict";
import type { ClusterObject } from "../../src/cluster/objects.ts";
import { formatSocketAddr, protocolName } from "../../src/net/flow.ts";
import { formatIp } from "../../src/net/ip.ts";
import { endpoint, endpoints, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";
import { seen } from "./seen.ts";

const PROXY_NAME = "service.kubernetes.io/service-proxy-name";
const HEADLESS = "service.kubernetes.io/headless";
const http = { name: "http", protocol: "TCP", port: 8080 } as const;
const web = "default/web:http tcp 10.96.0.10:80";

/** One line a port: name, protocol, address, endpoints. */
function lines(objects: readonly ClusterObject[]): readonly string[] {
  return seen(objects).userspacePorts.map(({ name, proto, clusterIp, port, endpoints }) =>
    [name, protocolName(proto), formatSocketAddr({ ip: clusterIp, port }), ...endpoints.map(formatSocketAddr)].join(
      " ",
    ),
  );
}

const rows: readonly { it: string; given: readonly ClusterObject[]; expect: readonly string[] }[] = [
  {
    it: "ready addresses come from the Endpoints object, sorted by text",
    given: [service(), endpoints({ addresses: ["10.0.0.2", "10.0.0.10", "10.0.0.2"] })],
    expect: [`${web} 10.0.0.10:8080 10.0.0.2:8080`],
  },
  {
    it: "where there is an Endpoints object, slices do not count",
    given: [service(), endpoints(), slice({ endpoints: ["10.0.0.1"] })],
    expect: [web],
  },
  {
    it: "where there is none, the ready IPv4 endpoints of slices stand in, whatever their node",
    given: [
      service({ internalTrafficPolicy: "Local" }),
      slice({
        name: "b",
        endpoints: [endpoint("10.0.0.2", { nodeName: "node-b" }), endpoint("10.0.0.10", { ready: undefined })],
      }),
      slice({ name: "a", endpoints: [endpoint("10.0.0.3", { ready: false, terminating: true }), endpoint([])] }),
      slice({ addressType: "IPv6", endpoints: ["fd00::1"] }),
    ],
    expect: [`${web} 10.0.0.10:8080 10.0.0.2:8080`],
  },
  {
    it: "the Endpoints of another Service leave this one's slices standing in",
    given: [service(), endpoints({ name: "api" }), slice({ endpoints: ["10.0.0.1"] })],
    expect: [`${web} 10.0.0.1:8080`],
  },
  {
    it: "slices of headless Services do not stand in, nor those of another port or protocol",
    given: [
      service(),
      slice({ name: "a", labels: { [HEADLESS]: "" }, endpoints: ["10.0.0.1"] }),
      slice({ name: "b", ports: [{ ...http, name: "api" }], endpoints: ["10.0.0.2"] }),
      slice({ name: "c", ports: [{ ...http, protocol: "UDP" }], endpoints: ["10.0.0.3"] }),
    ],
    expect: [web],
  },
  {
    it: "slice ports without a name or a number do not stand in",
    given: [
      service({ ports: [{ port: 80 }] }),
      slice({ name: "a", ports: [{ port: 1 }], endpoints: ["10.0.0.1"] }),
      slice({ name: "b", ports: [{ name: "" }], endpoints: ["10.0.0.1"] }),
      slice({ name: "c", ports: [{ name: "", port: 3 }], endpoints: ["10.0.0.1"] }),
    ],
    expect: ["default/web tcp 10.96.0.10:80 10.0.0.1:3"],
  },
  {
    it: "endpoints are matched by port name alone",
    given: [
      service(),
      endpoints({
        addresses: ["10.0.0.1"],
        ports: [
          { ...http, protocol: "UDP" },
          { ...http, name: "api", port: 9090 },
        ],
      }),
    ],
    expect: [`${web} 10.0.0.1:8080`],
  },
  {
    it: "an unnamed port matches an unnamed port",
    given: [service({ ports: [{ port: 80 }] }), endpoints({ addresses: ["10.0.0.1"], ports: [{ port: 9090 }] })],
    expect: ["default/web tcp 10.96.0.10:80 10.0.0.1:9090"],
  },
  {
    it: "port 0, bad addresses and IPv6 addresses are left out",
    given: [
      service(),
      endpoints({ addresses: ["10.0.0.1", "", "blah", "fd00::1"], ports: [http, { ...http, port: 0 }] }),
    ],
    expect: [`${web} 10.0.0.1:8080`],
  },
  {
    it: "of two ports with one name the last counts: the protocol does not tell them apart",
    given: [
      service({
        ports: [
          { name: "dns", protocol: "UDP", port: 53 },
          { name: "dns", protocol: "TCP", port: 54 },
        ],
      }),
    ],
    expect: ["default/web:dns tcp 10.96.0.10:54"],
  },
  { it: "SCTP is not forwarded", given: [service({ ports: [{ name: "s", protocol: "SCTP", port: 90 }] })], expect: [] },
  {
    it: "headless Services, names for other hosts and Services of another proxy are not forwarded",
    given: [
      service({ name: "h", clusterIP: "None" }),
      service({ name: "ext", type: "ExternalName" }),
      service({ name: "l", labels: { [PROXY_NAME]: "x" } }),
      service({ name: "m", labels: { [HEADLESS]: "" } }),
    ],
    expect: [],
  },
  {
    it: "Endpoints that another proxy looks after, or of headless Services, are not seen",
    given: [
      service({ name: "a" }),
      endpoints({ name: "a", labels: { [PROXY_NAME]: "x" }, addresses: ["10.0.0.1"] }),
      service({ name: "b" }),
      endpoints({ name: "b", labels: { [HEADLESS]: "" }, addresses: ["10.0.0.1"] }),
      slice({ service: "b", endpoints: ["10.0.0.1"] }),
    ],
    expect: ["default/a:http tcp 10.96.0.10:80", "default/b:http tcp 10.96.0.10:80"],
  },
  {
    it: "a Service whose cluster IP is IPv6 is not forwarded, though its second is IPv4",
    given: [service({ clusterIPs: ["fd00::1", "10.96.0.10"] })],
    expect: [],
  },
  {
    it: "ports come in order of the printed name",
    given: [service({ name: "web" }), service({ name: "web-2" }), service({ name: "api", namespace: "z" })],
    expect: ["default/web-2:http tcp 10.96.0.10:80", web, "z/api:http tcp 10.96.0.10:80"],
  },
];

const test = suite("model: what the userspace mode sees");
for (const { it, given, expect } of rows) test(it, () => assert.deepEqual(lines(given), expect));

test("addresses from outside are the IPv4 ones, load balancers whatever their ipMode; affinity as ever", () => {
  const given = service({
    type: "LoadBalancer",
    ports: [{ name: "http", port: 80, nodePort: 30_080 }],
    externalIPs: ["1.2.3.4", "fd00::1", "blah"],
    ingress: [{ ip: "5.6.7.8", ipMode: "Proxy" }, {}, { ip: "fd00::2" }, { ip: "9.10.11.12" }],
    sessionAffinity: "ClientIP",
  });
  const [port] = seen([given]).userspacePorts;
  assert.deepEqual(
    {
      nodePort: port!.nodePort,
      externalIps: port!.externalIps.map(formatIp),
      loadBalancerIps: port!.loadBalancerIps.map(formatIp),
      affinitySeconds: port!.affinitySeconds,
    },
    { nodePort: 30_080, externalIps: ["1.2.3.4"], loadBalancerIps: ["5.6.7.8", "9.10.11.12"], affinitySeconds: 10_800 },
  );
});
