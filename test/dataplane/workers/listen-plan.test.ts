import assert from "node:assert/strict";
import type { Frontend } from "../../../src/dataplane/dataplane.ts";
import { planListeners } from "../../../src/dataplane/workers/listen-plan.ts";
import { formatSocketAddr, type Protocol, SCTP, TCP, UDP } from "../../../src/net/flow.ts";
import { formatIp, type Ip } from "../../../src/net/ip.ts";
import { parseSocketAddr } from "../../../src/net/parse-socket-addr.ts";
import { suite } from "../../support/suite.ts";

function frontend(kind: Frontend["kind"], text: string, servicePort = "default/web", proto: Protocol = TCP): Frontend {
  return { servicePort, kind, proto, addr: parseSocketAddr(text, "test") };
}

type Where = Parameters<typeof planListeners>[2];
const where = (given: Partial<Where> = {}): Where => ({
  bind: "cluster-ips",
  listen: {},
  transparent: [],
  ipv6: true,
  isLocal: () => false,
  ...given,
});
const localAre = (...texts: readonly string[]) => ({ isLocal: (ip: Ip) => texts.includes(formatIp(ip)) });

function planned(frontends: readonly Frontend[], given: Partial<Where> = {}, verdict: "forward" | "drop" = "forward") {
  const { wanted, absent, addresses, dropping } = planListeners(
    { nodeAddresses: [], frontends },
    () => verdict,
    where(given),
  );
  return {
    wanted: wanted.map(({ at }) => formatSocketAddr(at)),
    absent: absent.map(({ reason }) => reason),
    addresses: addresses.map(formatIp),
    dropping: dropping.map(({ proto }) => proto),
  };
}

const everyKind = [
  frontend("cluster-ip", "10.96.0.10:80"),
  frontend("external-ip", "203.0.113.5:80"),
  frontend("load-balancer", "203.0.113.6:80"),
  frontend("node-port", "192.168.10.5:30080"),
];

const test = suite("workers: where frontends listen");

test("only cluster IPs are to be made local; the other kinds listen where their address is local already", () => {
  const { wanted, absent, addresses } = planned(everyKind, localAre("203.0.113.6", "192.168.10.5"));
  assert.deepEqual(addresses, ["10.96.0.10"]);
  assert.deepEqual(wanted, ["10.96.0.10:80", "203.0.113.6:80", "192.168.10.5:30080"]);
  assert.deepEqual(absent, ["203.0.113.5 is not an address of this host"]);
});

test("an external IP that is some Service's cluster IP is as local as that", () => {
  const { wanted } = planned([
    frontend("cluster-ip", "10.96.0.10:80"),
    frontend("external-ip", "10.96.0.10:81", "default/b"),
  ]);
  assert.deepEqual(wanted, ["10.96.0.10:80", "10.96.0.10:81"]);
});

test("0.0.0.0 is every address of the host, and none that is made local", () => {
  const { wanted, addresses } = planned([frontend("node-port", "0.0.0.0:30080")]);
  assert.deepEqual([wanted, addresses], [["0.0.0.0:30080"], []]);
});

test("where a user says that a service port listens it listens, local or not", () => {
  const listen = { "default/web": parseSocketAddr("127.0.0.1:8080", "test") };
  const { wanted, absent } = planned(everyKind.slice(1, 3), { listen });
  assert.deepEqual(wanted, ["127.0.0.1:8080"]);
  assert.deepEqual(absent, ["203.0.113.6 is not an address of this host"]);
});

test("on loopback every kind listens at a port that the host chooses", () => {
  const { wanted, absent } = planned([...everyKind, frontend("external-ip", "[2001:db8::1]:80")], { bind: "loopback" });
  assert.deepEqual(wanted, ["127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "[::1]:0"]);
  assert.deepEqual(absent, []);
});

test("a drop is not emulated for TCP alone: a UDP client sees of one what it sees of a kernel's", () => {
  const both = [frontend("cluster-ip", "10.96.0.10:53"), frontend("cluster-ip", "10.96.0.10:53", "default/dns", UDP)];
  assert.deepEqual(planned(both, {}, "drop").dropping, [TCP]);
});

test("without IPv6, and for SCTP, nothing listens and nothing is made local", () => {
  const { wanted, absent, addresses } = planned([frontend("cluster-ip", "[fd00::10]:80")], { ipv6: false });
  assert.deepEqual([wanted, absent, addresses], [[], ["this host has no IPv6"], []]);
  const sctp = planned([frontend("cluster-ip", "10.96.0.10:80", "default/s", SCTP)]);
  assert.deepEqual([sctp.wanted, sctp.absent], [[], ["SCTP is not carried"]]);
});
