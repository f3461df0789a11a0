import assert from "node:assert/strict";
import { endpointChain, serviceChains } from "../../../src/modes/iptables/names.ts";
import { SCTP, TCP, UDP } from "../../../src/net/flow.ts";
import { suite } from "../../support/suite.ts";

const test = suite("names of iptables chains");

/** Names that kube-proxy gives: service port, hash. All TCP. */
const services: readonly (readonly [string, string])[] = [
  ["ns1/svc1:p80", "XPGD46QRK7WJZT7O"],
  ["ns1/svc1", "AQI2S6QIMU7PVVRP"],
  ["default/kubernetes:https", "NPX46M4PTMTKRN6Y"],
  ["ns2/svc2:p80", "GNZBNJ2PO5MGZ6GT"],
  ["ns3/svc3:p80", "X27LE4BHSL4DOUIK"],
  ["ns4/svc4:p80", "4SW47YFZTEDKD3PK"],
  ["ns5/svc5:p80", "NUKIZ6OKUXPJNT4C"],
  ["ns2/svc2:p8080", "2VJB64SDSIJUP5T6"],
  ["ns4/svc4:p8082", "EBDQOQU5SJFXRIL3"],
];
const endpoints: readonly (readonly [string, string, string])[] = [
  ["ns1/svc1:p80", "10.180.0.1:80", "SXIVWICOYRO3J4NJ"],
  ["ns1/svc1:p80", "10.0.0.0:80", "DKGQUZGBKLTPAR56"],
  ["ns1/svc1:p80", "10.0.1.1:80", "SNQ3ZNILQDEJNDQO"],
  ["ns1/svc1:p80", "[fd00::1]:80", "T5UNFIPVCZXM3U7X"],
  ["ns2/svc2:p8080", "10.0.2.1:8080", "UHEGFW77JX3KXTOV"],
  ["ns3/svc3:p80", "10.0.3.1:80", "BSWRHOQ77KEXZLNL"],
  ["ns3/svc3:p80", "10.0.3.2:80", "DKCFIS26GWF2WLWC"],
  ["ns3/svc3:p80", "10.0.3.3:80", "JVVZVJ7BSEPPRNBS"],
  ["ns4/svc4:p80", "10.0.4.1:80", "AYCN5HPXMIRJNJXU"],
  ["ns4/svc4:p8082", "10.4.0.1:8082", "SU5STNODRYEWJAUF"],
  ["ns3/svc3:p8081", "203.0.113.4:8081", "RUVVH7YV3PHQBDOS"],
  ["ns2/svc2:p80", "10.180.0.2:80", "RS4RBKLTHTF2IUXJ"],
  ["ns3/svc3:p80", "10.180.0.3:80", "OYPFS5VJICHGATKP"],
  ["ns4/svc4:p80", "10.180.0.4:80", "UKSFD7AGPMPPLUHC"],
  ["ns4/svc4:p80", "10.180.0.5:80", "C6EBXVWJJZMIWKLZ"],
  ["ns5/svc5:p80", "10.180.0.3:80", "I77PXRDZVX7PMWMN"],
];

test("a service port's chains are hashed from its name and protocol", () => {
  for (const [name, hash] of services) {
    assert.deepEqual(serviceChains(name, TCP), {
      cluster: `KUBE-SVC-${hash}`,
      local: `KUBE-SVL-${hash}`,
      external: `KUBE-EXT-${hash}`,
      firewall: `KUBE-FW-${hash}`,
    });
  }
});

test("an endpoint's chain is hashed from the service port and the endpoint", () => {
  for (const [name, endpoint, hash] of endpoints) {
    assert.equal(endpointChain(name, TCP, endpoint), `KUBE-SEP-${hash}`);
  }
});

test("one port number in three protocols has three sets of chains", () => {
  const names = ([TCP, UDP, SCTP] as const).map((proto) => serviceChains("kube-system/dns:dns", proto).cluster);
  assert.equal(new Set(names).size, 3);
});
