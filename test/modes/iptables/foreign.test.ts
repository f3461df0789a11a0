/** Conditions and targets that only other programs write: as data, and as the text that iptables-save prints. */
import assert from "node:assert/strict";
import { isSluiceError } from "../../../src/core/errors.ts";
import type { ForeignMatch, ForeignTarget } from "../../../src/modes/iptables/foreign.ts";
import { parseRule } from "../../../src/modes/iptables/parse.ts";
import { renderRule } from "../../../src/modes/iptables/render.ts";
import { parseCidr } from "../../../src/net/cidr.ts";
import { SCTP, TCP, UDP } from "../../../src/net/flow.ts";
import { type Family, parseIp } from "../../../src/net/ip.ts";
import { suite } from "../../support/suite.ts";

const test = suite("iptables text of other programs");

type Cases<T> = readonly (readonly [T, string, Family?])[];
const one = (port: number) => ({ first: port, last: port });
const ip = (text: string) => parseIp(text);

/** A kind that is missing here is a type error. */
const matches: { readonly [K in ForeignMatch["kind"]]: Cases<Extract<ForeignMatch, { kind: K }>> } = {
  "other-protocol": [
    [{ kind: "other-protocol", name: "icmp" }, "-p icmp"],
    [{ kind: "other-protocol", name: "99", not: true }, "! -p 99"],
  ],
  fragment: [
    [{ kind: "fragment" }, "-f"],
    [{ kind: "fragment", not: true }, "! -f"],
  ],
  header: [
    [{ kind: "header", proto: UDP, source: { is: one(53) } }, "-m udp --sport 53"],
    [
      {
        kind: "header",
        proto: TCP,
        source: { not: { first: 1, last: 5 } },
        destination: { is: one(80) },
        flags: { not: { mask: ["FIN", "SYN"], set: [] } },
        option: { is: 5 },
      },
      "-m tcp ! --sport 1:5 --dport 80 ! --tcp-flags FIN,SYN NONE --tcp-option 5",
    ],
    [{ kind: "header", proto: SCTP, destination: { is: { first: 0, last: 9 } } }, "-m sctp --dport 0:9"],
  ],
  multiport: [
    [
      { kind: "multiport", destinations: { is: [one(80), { first: 8000, last: 8080 }] } },
      "-m multiport --dports 80,8000:8080",
    ],
    [{ kind: "multiport", sources: { not: [one(1)] } }, "-m multiport ! --sports 1"],
    [{ kind: "multiport", either: { is: [one(53), one(67)] } }, "-m multiport --ports 53,67"],
  ],
  conntrack: [
    [
      {
        kind: "conntrack",
        states: { is: ["NEW"] },
        protocol: { not: 6 },
        originalDestination: { is: parseCidr("1.2.3.4/32") },
        originalDestinationPort: { is: one(80) },
        direction: { is: "ORIGINAL" },
      },
      "-m conntrack --ctstate NEW ! --ctproto 6 --ctorigdst 1.2.3.4 --ctorigdstport 80 --ctdir ORIGINAL",
    ],
    [{ kind: "conntrack", replySource: { not: parseCidr("10.0.0.0/8") } }, "-m conntrack ! --ctreplsrc 10.0.0.0/8"],
  ],
  "connection-mark": [
    [{ kind: "connection-mark", value: 5, mask: 0xffff_ffff }, "-m connmark --mark 0x5"],
    [{ kind: "connection-mark", value: 16, mask: 240, not: true }, "-m connmark ! --mark 0x10/0xf0"],
  ],
  "address-type": [
    [
      { kind: "address-type", source: { is: ["UNICAST", "LOCAL"] }, destination: { not: ["BROADCAST"] } },
      "-m addrtype --src-type UNICAST,LOCAL ! --dst-type BROADCAST",
    ],
    [
      { kind: "address-type", source: { not: ["LOCAL"] }, limitOut: true },
      "-m addrtype ! --src-type LOCAL --limit-iface-out",
    ],
  ],
  "statistic-nth": [
    [{ kind: "statistic-nth", every: { is: 2 }, packet: 0 }, "-m statistic --mode nth --every 2 --packet 0"],
    [{ kind: "statistic-nth", every: { not: 3 }, packet: 2 }, "-m statistic --mode nth ! --every 3 --packet 2"],
  ],
  recent: [
    [
      {
        kind: "recent",
        update: { is: true },
        seconds: 60,
        hitCount: 5,
        list: "ssh",
        mask: ip("255.255.255.0"),
        byDestination: true,
      },
      "-m recent --update --seconds 60 --hitcount 5 --name ssh --mask 255.255.255.0 --rdest",
    ],
    [
      { kind: "recent", set: { not: true }, list: "x", mask: ip("255.255.255.255"), bySource: true },
      "-m recent ! --set --name x --mask 255.255.255.255 --rsource",
    ],
  ],
  limit: [
    [{ kind: "limit", rate: { count: 5, per: "min" } }, "-m limit --limit 5/min"],
    [{ kind: "limit", rate: { count: 10, per: "sec" }, burst: 20 }, "-m limit --limit 10/sec --limit-burst 20"],
  ],
  hashlimit: [
    [
      {
        kind: "hashlimit",
        above: { count: 5, per: "min" },
        burst: 5,
        modes: ["srcip", "dstport"],
        name: "baz",
        expireMs: 30_000,
        sourceBits: 24,
      },
      "-m hashlimit --hashlimit-above 5/min --hashlimit-burst 5 --hashlimit-mode srcip,dstport " +
        "--hashlimit-name baz --hashlimit-htable-expire 30000 --hashlimit-srcmask 24",
    ],
  ],
  "mac-source": [
    [{ kind: "mac-source", address: { not: "00:11:22:aa:bb:cc" } }, "-m mac ! --mac-source 00:11:22:aa:bb:cc"],
  ],
  "address-range": [
    [
      {
        kind: "address-range",
        source: { not: { first: parseIp("10.0.0.1"), last: parseIp("10.0.0.9") } },
        destination: { is: { first: parseIp("10.1.0.1"), last: parseIp("10.2.0.1") } },
      },
      "-m iprange ! --src-range 10.0.0.1-10.0.0.9 --dst-range 10.1.0.1-10.2.0.1",
    ],
  ],
  length: [[{ kind: "length", range: { not: { first: 0, last: 100 } } }, "-m length ! --length 0:100"]],
  "packet-type": [[{ kind: "packet-type", type: { is: "multicast" } }, "-m pkttype --pkt-type multicast"]],
  "ipsec-policy": [
    [{ kind: "ipsec-policy", direction: "in", policy: "none" }, "-m policy --dir in --pol none"],
    [{ kind: "ipsec-policy", direction: "out", policy: "ipsec" }, "-m policy --dir out --pol ipsec"],
  ],
  physdev: [
    [
      { kind: "physdev", in: { is: "eth0" }, out: { not: "eth1+" }, isBridged: { is: true } },
      "-m physdev --physdev-in eth0 ! --physdev-out eth1+ --physdev-is-bridged",
    ],
  ],
  "icmp-type": [
    [{ kind: "icmp-type", family: 4, type: { is: { type: 3, code: 4 } } }, "-m icmp --icmp-type 3/4"],
    [{ kind: "icmp-type", family: 4, type: { not: { type: "any" } } }, "-m icmp ! --icmp-type any"],
    [{ kind: "icmp-type", family: 6, type: { is: { type: 135 } } }, "-m icmp6 --icmpv6-type 135", 6],
  ],
  "reverse-path": [
    [{ kind: "reverse-path" }, "-m rpfilter"],
    [{ kind: "reverse-path", validMark: true, invert: true }, "-m rpfilter --validmark --invert"],
  ],
  owner: [
    [
      { kind: "owner", socketExists: { is: true }, user: { not: { first: 1000, last: 2000 } }, group: { is: one(5) } },
      "-m owner --socket-exists ! --uid-owner 1000-2000 --gid-owner 5",
    ],
  ],
  unknown: [[{ kind: "unknown", text: '-m string --string "-j x" --algo bm' }, '-m string --string "-j x" --algo bm']],
};

const targets: { readonly [K in ForeignTarget["kind"]]: Cases<Extract<ForeignTarget, { kind: K }>> } = {
  log: [
    [{ kind: "log" }, "-j LOG"],
    [
      { kind: "log", prefix: 'a "b" ', level: 7, tcpSequence: true, user: true },
      '-j LOG --log-prefix "a \\"b\\" " --log-level 7 --log-tcp-sequence --log-uid',
    ],
  ],
  nflog: [
    [
      { kind: "nflog", prefix: "plain", group: 5, sizeBytes: 80, threshold: 3 },
      "-j NFLOG --nflog-prefix plain --nflog-group 5 --nflog-size 80 --nflog-threshold 3",
    ],
  ],
  "set-connection-mark": [[{ kind: "set-connection-mark", value: 5, mask: 255 }, "-j CONNMARK --set-xmark 0x5/0xff"]],
  "save-mark": [
    [
      { kind: "save-mark", packetMask: 255, connectionMask: 0xffff_ffff },
      "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xffffffff",
    ],
  ],
  "restore-mark": [
    [
      { kind: "restore-mark", packetMask: 240, connectionMask: 240 },
      "-j CONNMARK --restore-mark --nfmask 0xf0 --ctmask 0xf0",
    ],
  ],
  snat: [
    [
      {
        kind: "snat",
        to: { firstIp: ip("1.2.3.4"), lastIp: ip("1.2.3.9"), ports: { first: 1000, last: 2000 } },
        randomFully: true,
        persistent: true,
      },
      "-j SNAT --to-source 1.2.3.4-1.2.3.9:1000-2000 --random-fully --persistent",
    ],
    [{ kind: "snat", to: { ports: { first: 1000, last: 2000 } } }, "-j SNAT --to-source :1000-2000"],
    [{ kind: "snat", to: { firstIp: ip("fd00::1"), lastIp: ip("fd00::1") } }, "-j SNAT --to-source fd00::1", 6],
    [
      { kind: "snat", to: { firstIp: ip("fd00::1"), lastIp: ip("fd00::4"), ports: one(80) } },
      "-j SNAT --to-source [fd00::1-fd00::4]:80",
      6,
    ],
  ],
  "dnat-range": [
    [
      { kind: "dnat-range", to: { firstIp: ip("1.2.3.4"), lastIp: ip("1.2.3.4"), ports: one(80) }, random: true },
      "-j DNAT --to-destination 1.2.3.4:80 --random",
    ],
    [{ kind: "dnat-range", to: { ports: one(8080) } }, "-j DNAT --to-destination :8080"],
  ],
  "redirect-range": [
    [{ kind: "redirect-range", ports: { first: 80, last: 90 }, random: true }, "-j REDIRECT --to-ports 80-90 --random"],
  ],
  notrack: [[{ kind: "notrack" }, "-j NOTRACK"]],
  "connection-tracking": [
    [{ kind: "connection-tracking", off: true }, "-j CT --notrack"],
    [{ kind: "connection-tracking", events: "new,destroy", zone: "7" }, "-j CT --ctevents new,destroy --zone 7"],
  ],
  tproxy: [
    [
      { kind: "tproxy", port: 15001, ip: ip("127.0.0.1"), mark: { value: 1, mask: 0xffff_ffff } },
      "-j TPROXY --on-port 15001 --on-ip 127.0.0.1 --tproxy-mark 0x1/0xffffffff",
    ],
  ],
  trace: [[{ kind: "trace" }, "-j TRACE"]],
  netmap: [[{ kind: "netmap", to: { base: ip("10.2.0.0"), bits: 24 } }, "-j NETMAP --to 10.2.0.0/24"]],
  unknown: [[{ kind: "unknown", text: "NFQUEUE --queue-num 3" }, "-j NFQUEUE --queue-num 3"]],
};

test("every condition is written in both formats as iptables-save prints it, and read back", () => {
  for (const [match, text, family = 4] of Object.values(matches).flat()) {
    for (const format of ["save", "restore"] as const)
      assert.equal(renderRule({ matches: [match] }, family, format), text);
    assert.deepEqual(parseRule(`-A C ${text}`, family).matches, [match]);
  }
});

test("every target is written in both formats as iptables-save prints it, and read back", () => {
  for (const [target, text, family = 4] of Object.values(targets).flat()) {
    const rule = { matches: [], target };
    for (const format of ["save", "restore"] as const) assert.equal(renderRule(rule, family, format), text);
    assert.deepEqual(parseRule(`-A C ${text}`, family).target, target);
  }
});

/** Known modules and targets with something that has no type: all of it stays text. */
const halfKnown = [
  "-m hashlimit --hashlimit-upto 1mb/s --hashlimit-name a",
  "-m conntrack --ctstate NEW --ctstatus ASSURED",
  "-m recent --name L",
  "-m recent --set --update --name L",
  "-m multiport --dports 80 --sports 81",
  "-m icmp --icmp-type echo-request",
  "-m limit --limit-burst 3",
  "-m tcp --dport http",
  "-m tcp --dport 80 --dport 81",
  "-m udp --tcp-flags SYN SYN",
  "-m mark --mark 0x1ffffffff",
  "-m mark ! --mark 1 2",
  "-m addrtype --src-type NOWHERE",
  "-m statistic --mode random --probability 1.5",
  "-m set --match-set s src --return-nomatch",
  "-m ipvs --vproto 6",
  "-m limit ! --limit 5/min",
  "-j DNAT --to-destination 1.2.3.4:1000-2000/3000",
  "-j CONNMARK --save-mark --restore-mark",
  "-j CONNMARK --set-xmark 0x1/0x1 --nfmask 0x1",
  "-j MARK --or-mark 0x1 --xor-mark 0x1",
  "-j MARK",
  "-j REJECT --reject-with",
  "-j SNAT --random",
  "-j ACCEPT --really",
];

for (const text of halfKnown) {
  test(`stays as it is: ${text}`, () => {
    const { matches: read, target } = parseRule(`-A C ${text}`, 4);
    assert.deepEqual([...read, ...(target ? [target] : [])], [{ kind: "unknown", text: text.replace(/^-j /, "") }]);
    assert.equal(renderRule(parseRule(`-A C ${text}`, 4), 4, "save"), text);
  });
}

test("text that would be more than one line is not written", () => {
  const unknown = { kind: "unknown", text: "-m foo\n-A INPUT -j ACCEPT" } as const;
  for (const rule of [{ matches: [unknown] }, { matches: [], target: unknown }]) {
    assert.throws(
      () => renderRule(rule, 4, "restore"),
      (error) => isSluiceError(error, "RULE_TEXT_INVALID"),
    );
  }
});
