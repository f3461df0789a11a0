import assert from "node:assert/strict";
import { tableOf } from "../../../../src/dataplane/emulated/netfilter/connection.ts";
import { parseConntrack } from "../../../../src/dataplane/emulated/netfilter/parse-conntrack.ts";
import { parseIpAddr, parseIpRoute } from "../../../../src/dataplane/emulated/netfilter/parse-ip-json.ts";
import { formatCidr } from "../../../../src/net/cidr.ts";
import { formatIp, parseIp } from "../../../../src/net/ip.ts";
import { suite } from "../../../support/suite.ts";

const test = suite("dumps of a node");

const listed = `tcp      6 86397 ESTABLISHED src=10.244.1.5 dst=10.96.0.1 sport=51000 dport=443 src=192.168.10.9 dst=10.244.1.5 sport=6443 dport=51000 [ASSURED] mark=0 use=1
udp      17 25 src=10.244.1.5 dst=10.96.0.10 sport=40000 dport=53 [UNREPLIED] src=10.244.2.7 dst=192.168.10.5 sport=53 dport=1044 mark=16384 use=1
ipv6     10 icmpv6   58 29 src=fd00::1 dst=fd00::2 type=128 code=0 id=7 src=fd00::2 dst=fd00::1 type=129 code=0 id=7 mark=0 use=1
conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown.
`;

test("conntrack -L: both directions, what NAT did, the state and the mark", () => {
  const [tcp, udp, icmp] = parseConntrack(listed);
  assert.deepEqual([tcp!.tcpState, tcp!.replied, tcp!.dnat, tcp!.snat], ["ESTABLISHED", true, true, false]);
  assert.deepEqual([udp!.replied, udp!.dnat, udp!.snat, udp!.mark], [false, true, true, 16_384]);
  assert.deepEqual([icmp!.original.proto, icmp!.original.srcPort, icmp!.dnat, icmp!.snat], [58, 7, false, false]);
  const table = tableOf([tcp!, udp!, icmp!]);
  assert.deepEqual(table.find(tcp!.reply)?.isReply, true);
  assert.deepEqual(table.find(tcp!.original)?.isReply, false);
  assert.equal(table.find({ ...tcp!.original, srcPort: 1 }), undefined);
});

test("conntrack -L: what is wrong is told with line and column", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["tcp 6 1 src=10.0.0 dst=10.0.0.1 sport=1 dport=2", /conntrack -L:1:9: expected src= with an address/],
    ["\nudp 17 1 src=10.0.0.1 sport=1 dport=2", /conntrack -L:2:38: expected dst= with an address, got the end/],
    ["tcp 6 1 src=10.0.0.1 dst=10.0.0.1 sport=x dport=2", /:1:41: expected a number, got "x"/],
    ["hello", /:1:1: expected a line of conntrack -L, such as tcp 6 …, got "hello"/],
  ];
  for (const [text, message] of wrong) assert.throws(() => parseConntrack(text), message);
});

test("ip -j addr and ip -j route", () => {
  const [lo, eth0] = parseIpAddr(
    '[{"ifname":"lo","addr_info":[]},{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":24,"broadcast":"10.0.0.255"},{"family":"inet6","local":"fd00::1","prefixlen":64},{"family":"inet","local":"10.0.0.2","prefixlen":24,"secondary":true}]}]',
  );
  assert.deepEqual(lo, { name: "lo", addresses: [] });
  assert.deepEqual(
    eth0!.addresses.map(({ ip, bits, secondary }) => [formatIp(ip), bits, secondary]),
    [
      ["10.0.0.1", 24, undefined],
      ["fd00::1", 64, undefined],
      ["10.0.0.2", 24, true],
    ],
  );
  const routes = parseIpRoute(
    '[{"dst":"default","gateway":"10.0.0.254","dev":"eth0","metric":100},{"dst":"10.1.0.0/16","nexthops":[{"gateway":"10.0.0.3","dev":"eth1"}]},{"type":"blackhole","dst":"10.9.0.0/16"},{"dst":"10.2.0.7","dev":"cali1","prefsrc":"10.0.0.1"}]',
  );
  assert.deepEqual(
    routes.map(({ destination, type, device, gateway, metric }) => [
      formatCidr(destination),
      type,
      device,
      gateway && formatIp(gateway),
      metric,
    ]),
    [
      ["0.0.0.0/0", "unicast", "eth0", "10.0.0.254", 100],
      ["10.1.0.0/16", "unicast", "eth1", "10.0.0.3", 0],
      ["10.9.0.0/16", "blackhole", "", undefined, 0],
      ["10.2.0.7/32", "unicast", "cali1", undefined, 0],
    ],
  );
  assert.deepEqual(routes[3]!.source, parseIp("10.0.0.1"));
});

test("ip -j route: several next hops have weights, dead ones are left out, and routes that have no other", () => {
  const [both, one, ...none] = parseIpRoute(
    '[{"dst":"default","nexthops":[{"gateway":"10.0.0.3","dev":"eth0","weight":3},{"gateway":"10.0.1.3","dev":"eth1","weight":1}]},' +
      '{"dst":"10.1.0.0/16","nexthops":[{"gateway":"10.0.0.3","dev":"eth0","weight":1,"flags":["dead","linkdown"]},{"dev":"eth1","weight":1,"flags":[]}]},' +
      '{"dst":"10.2.0.0/16","dev":"eth2","flags":["dead","linkdown"]}]',
  );
  assert.deepEqual(
    both!.hops?.map(({ device, gateway, weight }) => [device, gateway && formatIp(gateway), weight]),
    [
      ["eth0", "10.0.0.3", 3],
      ["eth1", "10.0.1.3", 1],
    ],
  );
  assert.deepEqual([one!.device, one!.hops, none.length], ["eth1", undefined, 0]);
});

test("ip -j addr and ip -j route: what is wrong is told with line and column", () => {
  const addresses: readonly (readonly [string, RegExp])[] = [
    ["{", /^SluiceError: ip -j addr:1:2: expected a key/],
    ["{}", /:1:1: expected a list of objects/],
    ["[\n1]", /:2:1: \[0\]: expected an object, got 1/],
    ['[{"ifname":1}]', /:1:12: \[0\]\.ifname: expected a name, got 1/],
    ['[{"ifname":"a","addr_info":7}]', /:1:28: \[0\]\.addr_info: expected a list, got 7/],
    [
      '[{"ifname":"a","addr_info":[{"family":"inet","local":"x","prefixlen":1}]}]',
      /:1:54: \[0\]\.addr_info\[0\]\.local: expected an address, got "x"/,
    ],
    [
      '[{"ifname":"a","addr_info":[{"family":"inet","local":"10.0.0.1"}]}]',
      /:1:29: .*prefixlen: expected 0…32, got nothing/,
    ],
  ];
  for (const [text, message] of addresses) assert.throws(() => parseIpAddr(text), message);
  const routes: readonly (readonly [string, RegExp])[] = [
    ["null", /:1:1: expected a list of objects, got null/],
    ['[{"dst":7}]', /:1:9: \[0\]\.dst: expected an address, a range or default, got 7/],
    ['[{"dst":"10.0.0.0/8","type":"odd"}]', /:1:29: \[0\]\.type: expected one of unicast, /],
    ['[{"dst":"default","dev":[]}]', /:1:25: \[0\]\.dev: expected a name/],
    [
      '[{"dst":"default","nexthops":[{"dev":"a","weight":0}]}]',
      /:1:51: \[0\]\.nexthops\[0\]\.weight: expected a whole/,
    ],
    ['[{"dst":"default","nexthops":[3]}]', /:1:31: \[0\]\.nexthops\[0\]: expected an object/],
    ['[{"dst":"default","nexthops":3}]', /:1:30: \[0\]\.nexthops: expected a list/],
  ];
  for (const [text, message] of routes) assert.throws(() => parseIpRoute(text), message);
});

test("ip addr without -j: what is no part of a link is refused, and not passed over", () => {
  const listing =
    "1: lo: <UP>\n    inet 127.0.0.1/8 scope host lo\n2: eth0: <UP>\n    inet 192.0.2.5/24 scope global eth0\n";
  assert.equal(parseIpAddr(listing).length, 2);
  for (const [broken, place] of [
    [listing.replace("2: eth0:", "2 eth0"), /:3:1: expected what ip -j addr printed/],
    [listing.replace("inet 192", "ine 192"), /:4:1: expected what ip -j addr printed/],
    [listing.replace("192.0.2.5/24", "192.0.2/24"), /:3:1: expected an address as addr_info\[0\]\.local/],
  ] as const) {
    assert.throws(() => parseIpAddr(broken), place);
  }
});

test("ip route without -j says the same, and of all tables main alone is taken", () => {
  const listing = `default via 192.0.2.1 dev eth0 src 192.0.2.5 metric 100 
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.5 
198.51.100.0/24 
\tnexthop via 192.0.2.2 dev eth0 weight 3 
\tnexthop via 10.1.0.2 dev cni0 weight 1 
blackhole 203.0.113.0/26 
throw 203.0.113.64/26 
203.0.113.128/26 via 10.1.0.9 dev cni0 onlink mtu 1400 
203.0.113.192/26 via inet6 2001:db8::9 dev eth0 
10.9.0.7 dev cni0 scope link 
default via 192.0.2.9 dev eth0 table 52 
local 192.0.2.5 dev eth0 table local proto kernel scope host src 192.0.2.5 
multicast ff00::/8 dev eth0 table local proto kernel metric 256 pref medium
2001:db8:5::/64 dev eth0 proto kernel metric 256 pref medium
`;
  const json = JSON.stringify([
    { dst: "default", gateway: "192.0.2.1", dev: "eth0", prefsrc: "192.0.2.5", metric: 100, flags: [] },
    { dst: "192.0.2.0/24", dev: "eth0", protocol: "kernel", scope: "link", prefsrc: "192.0.2.5", flags: [] },
    {
      dst: "198.51.100.0/24",
      nexthops: [
        { gateway: "192.0.2.2", dev: "eth0", weight: 3, flags: [] },
        { gateway: "10.1.0.2", dev: "cni0", weight: 1, flags: [] },
      ],
    },
    { type: "blackhole", dst: "203.0.113.0/26", flags: [] },
    { type: "throw", dst: "203.0.113.64/26", flags: [] },
    { dst: "203.0.113.128/26", gateway: "10.1.0.9", dev: "cni0", flags: ["onlink"], metrics: [{ mtu: 1400 }] },
    { dst: "203.0.113.192/26", via: { family: "inet6", host: "2001:db8::9" }, dev: "eth0", flags: [] },
    { dst: "10.9.0.7", dev: "cni0", scope: "link", flags: [] },
    { dst: "default", gateway: "192.0.2.9", dev: "eth0", table: "52", flags: [] },
    { type: "local", dst: "192.0.2.5", dev: "eth0", table: "local", prefsrc: "192.0.2.5", flags: [] },
    { type: "multicast", dst: "ff00::/8", dev: "eth0", table: "local", metric: 256, flags: [] },
    { dst: "2001:db8:5::/64", dev: "eth0", protocol: "kernel", metric: 256, flags: [], pref: "medium" },
  ]);
  const routes = parseIpRoute(listing);
  assert.deepEqual(routes, parseIpRoute(json));
  assert.equal(routes.length, 9);
});
