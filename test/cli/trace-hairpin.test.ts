/** A client that is sent to itself: whether its bridge turns the packet round, where ip -d tells. */
import assert from "node:assert/strict";
import { trace } from "../../src/cli/trace.ts";
import type { PacketTraceJson } from "../../src/explain/packet-trace-json.ts";
import { suite } from "../support/suite.ts";
import { dumpFiles } from "./dump-files.ts";

const test = suite("why not, of clients that meet themselves");
const { file } = dumpFiles(test);

const common = { all: false, o: "json", mode: "iptables", scheduler: "rr", masqueradeAll: false } as const;

const iptablesSave = file(`*nat
:PREROUTING ACCEPT
:POSTROUTING ACCEPT
-A PREROUTING -d 198.51.100.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.9:8080
-A POSTROUTING -s 192.0.2.9/32 -d 192.0.2.9/32 -j MASQUERADE
COMMIT
`);

async function why(addr: unknown, route = "192.0.2.0/24 dev cni0\n"): Promise<string> {
  const ipAddr = file(typeof addr === "string" ? addr : JSON.stringify(addr));
  const given = { iptablesSave, ipAddr, ipRoute: file(route), from: "192.0.2.9", to: "198.51.100.1:80" };
  return (JSON.parse(await trace({ ...common, ...given })) as PacketTraceJson).reasons.join("\n");
}

const bridge = {
  ifname: "cni0",
  linkinfo: { info_kind: "bridge" },
  addr_info: [{ family: "inet", local: "192.0.2.1", prefixlen: 24 }],
};
const port = (ifname: string, hairpin: boolean) => ({
  ifname,
  master: "cni0",
  linkinfo: { info_kind: "veth", info_slave_kind: "bridge", info_slave_data: { state: "forwarding", hairpin } },
});

test("no port of the bridge turns it round: it is lost, where the bridge calls iptables", async () => {
  const lost =
    /sent to itself \(1\): no port of cni0 has hairpin mode, so that it is lost if the bridge calls iptables \(bridge-nf-call-iptables=1\)/;
  assert.match(await why([bridge, port("veth1", false), port("veth2", false)]), lost);
  const listing = (mode: string): string => `2: cni0: <UP> mtu 1500
    inet 192.0.2.1/24 scope global cni0
3: veth1@if2: <UP> mtu 1500 qdisc noqueue master cni0 state UP
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0
    bridge_slave state forwarding priority 32 cost 2 hairpin ${mode} guard off learning on
`;
  assert.match(await why(listing("off")), lost);
  assert.match(await why(listing("on")), /: all ports of cni0 have hairpin mode, and turn it round/);
});

test("every port, some ports, and what has none", async () => {
  assert.match(
    await why([bridge, port("veth1", true), port("veth2", true)]),
    /sent to itself \(1\): all ports of cni0 have hairpin mode, and turn it round/,
  );
  assert.match(
    await why([bridge, port("veth1", true), port("veth2", false)]),
    /: of the ports of cni0, veth2 has no hairpin mode: if the client's is among them, it is lost if the bridge calls/,
  );
  const routed = { ifname: "veth1", linkinfo: { info_kind: "veth" }, addr_info: bridge.addr_info };
  assert.match(await why([routed], "192.0.2.9 dev veth1\n"), /: no bridge is between, and it comes back by veth1/);
});

test("without -d nobody tells", async () => {
  const { linkinfo: _, ...plain } = bridge;
  const unknown =
    /: the bridge must let it back out by the port that it came from \(hairpin mode; ip -d -j addr tells\)/;
  assert.match(await why([plain, { ifname: "veth1", master: "cni0" }]), unknown);
});
