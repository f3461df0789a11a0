/** `@nh`, `@th` and `@ll`: bits of headers by their place. */
import assert from "node:assert/strict";
import { rawBits } from "../../../../src/dataplane/emulated/netfilter/nft/raw-payload.ts";
import { UNKNOWN } from "../../../../src/dataplane/emulated/netfilter/nft/value.ts";
import { openPacket, type PacketHead, tcpFlagBits } from "../../../../src/dataplane/emulated/netfilter/packet.ts";
import { assembleNode } from "../../../../src/explain/assemble-node.ts";
import { tracePacket } from "../../../../src/explain/trace-packet.ts";
import { parseNftables } from "../../../../src/modes/nftables/parse.ts";
import { formatIp, parseIp } from "../../../../src/net/ip.ts";
import { suite } from "../../../support/suite.ts";

const test = suite("bits of headers");

const tcp: PacketHead = {
  proto: 6,
  src: parseIp("10.0.0.9"),
  srcPort: 0x1234,
  dst: parseIp("10.96.0.10"),
  dstPort: 80,
  flags: tcpFlagBits.SYN,
};
const tcp6: PacketHead = { ...tcp, src: parseIp("fd00:1:2:3:4:5:6:7"), dst: parseIp("fd00::10"), length: 80 };
const ping: PacketHead = { ...tcp, proto: 1, srcPort: 0, dstPort: 0, icmp: { type: 3, code: 4 } };

function bits(head: PacketHead, text: string): number | "unknown" {
  const [, base = "", offset, length] = /^@(\w+),(\d+),(\d+)$/.exec(text)!;
  const value = rawBits(openPacket(head), base, Number(offset), Number(length));
  return typeof value === "number" ? value : "unknown";
}

test("the transport header: ports whole and in parts, TCP's flags, ICMP's type and code", () => {
  assert.deepEqual(
    ["@th,0,16", "@th,16,16", "@th,0,32", "@th,0,8", "@th,8,16", "@th,28,4", "@th,104,8", "@th,110,1"].map((text) =>
      bits(tcp, text),
    ),
    // 80 is 0x0050: the last four bits of the port are 0; SYN is the second bit from the end.
    [0x1234, 80, 0x12340050, 0x12, 0x3400, 0, 2, 1],
  );
  // Sequence number, data offset and window are in no trace; UDP has no flags there.
  assert.deepEqual(
    ["@th,32,32", "@th,96,4", "@th,96,16", "@th,112,16", "@th,24,16"].map((text) => bits(tcp, text)),
    Array.from({ length: 5 }, () => "unknown"),
  );
  assert.equal(bits({ ...tcp, proto: 17 }, "@th,104,8"), "unknown");
  assert.deepEqual(
    ["@th,0,8", "@th,8,8", "@th,0,16", "@th,16,16"].map((text) => bits(ping, text)),
    [3, 4, 0x0304, "unknown"],
  );
  assert.equal(bits({ ...tcp, proto: 47 }, "@th,0,16"), "unknown");
});

test("the network header: version, protocol, length where it was said, and addresses", () => {
  assert.deepEqual(
    ["@nh,0,4", "@nh,72,8", "@nh,96,32", "@nh,128,32", "@nh,120,16", "@nh,16,16"].map((text) => bits(tcp, text)),
    [4, 6, 0x0a000009, 0x0a60000a, 0x090a, "unknown"],
  );
  assert.equal(bits({ ...tcp, length: 60 }, "@nh,16,16"), 60);
  // Header length, TTL and checksum are in no trace.
  assert.deepEqual(
    ["@nh,0,8", "@nh,64,8", "@nh,80,16"].map((text) => bits(tcp, text)),
    ["unknown", "unknown", "unknown"],
  );
  assert.deepEqual(
    ["@nh,0,4", "@nh,32,16", "@nh,48,8", "@nh,64,16", "@nh,80,32", "@nh,304,16", "@nh,176,32"].map((text) =>
      bits(tcp6, text),
    ),
    [6, 40, 6, 0xfd00, 0x0001_0002, 0x10, 0x0007_fd00],
  );
});

test("under a mask only the bits that it keeps have to be known", () => {
  const masked = (offset: number, length: number, mask: number): number | symbol =>
    rawBits(openPacket(tcp), "nh", offset, length, mask);
  // nft lists `@nh,0,4 4` as `@nh,0,8 & 240 == 64`: the header's length is not asked for.
  assert.deepEqual([masked(0, 8, 0xf0), masked(0, 8, 0xf1), masked(64, 16, 0xff)], [0x40, UNKNOWN, 6]);
  assert.deepEqual([masked(96, 32, 0xff00_0000), masked(96, 32, 0xff)], [0x0a00_0000, 9]);
});

test("what is wider than 32 bits, empty, or of the link is unknown", () => {
  assert.deepEqual(
    ["@nh,96,64", "@th,0,0", "@ll,0,16", "@ih,0,8"].map((text) => bits(tcp, text)),
    ["unknown", "unknown", "unknown", "unknown"],
  );
});

test("a port that is drawn is unknown, as a whole and in parts", () => {
  const packet = openPacket(tcp);
  packet.srcPorts = { first: 1024, last: 65_535 };
  assert.deepEqual(
    [rawBits(packet, "th", 0, 16), rawBits(packet, "th", 8, 16), rawBits(packet, "th", 16, 16)],
    [UNKNOWN, UNKNOWN, 80],
  );
});

function traced(expr: readonly unknown[], head: PacketHead = tcp): string {
  const json = {
    nftables: [
      { table: { family: "ip", name: "t" } },
      {
        chain: { family: "ip", table: "t", name: "c", type: "filter", hook: "prerouting", prio: 0, policy: "accept" },
      },
      { rule: { family: "ip", table: "t", chain: "c", expr } },
    ],
  };
  const { node } = assembleNode({ addresses: [], nftables: parseNftables(JSON.stringify(json), "dump") });
  const { outcomes } = tracePacket(node, head);
  return outcomes
    .map(({ verdict, by, ways }) => {
      const both = ways === undefined ? "" : `: ${ways.holds[0]!.verdict} or ${ways.fails[0]!.verdict}`;
      return `${verdict} ${by}${both}`;
    })
    .join();
}

const payload = (base: string, offset: number, len: number): object => ({ payload: { base, offset, len } });
const match = (left: unknown, right: unknown, op = "=="): object => ({ match: { op, left, right } });

test("rules with them hold or fail; of the link's header they are undecided by name, both ways shown", () => {
  const drop = { drop: null };
  assert.match(traced([match(payload("th", 16, 16), 80), drop]), /^drop ip t\/c: @th,16,16 80 drop$/);
  assert.match(traced([match(payload("th", 16, 16), 81), drop]), /^pass/);
  assert.match(traced([match(payload("th", 16, 16), { set: [53, { range: [79, 90] }] }), drop]), /^drop/);
  assert.match(traced([match({ "&": [payload("th", 104, 8), 0x12] }, 2), drop]), /^drop/);
  assert.match(traced([match({ "&": [payload("th", 104, 8), 0x12] }, 2, "!="), drop]), /^pass/);
  assert.match(traced([match(payload("nh", 96, 32), { range: [0x0a000000, 0x0a0000ff] }), drop]), /^drop/);
  assert.equal(
    traced([match(payload("ll", 0, 16), 0x0102), drop]),
    "undecided ip t/c: whether @ll,0,16 258 holds: drop or pass",
  );
  assert.match(traced([match(payload("nh", 96, 64), 0x0a000009), drop]), /^undecided .*: drop or pass$/);
});

test("a part of a field, which nft lists as a prefix of it, is as wide as the field", () => {
  const drop = { drop: null };
  const ofPort = (addr: number, len: number, op?: string): string =>
    traced([match({ payload: { protocol: "tcp", field: "sport" } }, { prefix: { addr, len } }, op), drop]);
  // The port is 0x1234.
  assert.match(ofPort(0x1200, 8), /^drop/);
  assert.match(ofPort(0x4e00, 8), /^pass/);
  assert.match(ofPort(0x4e00, 8, "!="), /^drop/);
  assert.match(ofPort(0x1230, 12), /^drop/);
  const ofMark = (addr: number, len: number): string =>
    traced([match({ meta: { key: "mark" } }, { prefix: { addr, len } }), drop]);
  assert.match(ofMark(0, 16), /^drop/);
  assert.match(ofMark(0x10000, 16), /^pass/);
  // How wide the other number is nobody says.
  assert.match(traced([match(payload("nh", 96, 32), { prefix: { addr: 0x0a000000, len: 8 } }), drop]), /^undecided/);
});

test("writing bits that decide where a packet goes is undecided by name; writing others changes nothing", () => {
  const set = (key: object): string => traced([{ mangle: { key, value: 80 } }, { accept: null }]);
  assert.match(
    set(payload("th", 16, 16)),
    /^undecided ip t\/c: @th,16,16 set 80 rewrites the packet without NAT: undecided or pass$/,
  );
  assert.match(set(payload("nh", 120, 16)), /^undecided/);
  assert.match(set(payload("th", 100, 8)), /^undecided/);
  // TTL, and the link's header.
  assert.match(set(payload("nh", 64, 8)), /^pass/);
  assert.match(set(payload("ll", 0, 48)), /^pass/);
});

test("networks are mapped one to one: by a network, or by a map of networks; what the map lacks is left alone", () => {
  const ended = (target: object, head: PacketHead = tcp): string => {
    const nat = { family: "ip", ...target, flags: "netmap", type_flags: "prefix" };
    const chain = {
      family: "ip",
      table: "t",
      name: "c",
      type: "nat",
      hook: "prerouting",
      prio: -100,
      policy: "accept",
    };
    const rules = [
      { table: { family: "ip", name: "t" } },
      { chain },
      { rule: { family: "ip", table: "t", chain: "c", expr: [{ dnat: nat }] } },
    ];
    const { node } = assembleNode({
      addresses: [],
      nftables: parseNftables(JSON.stringify({ nftables: rules }), "dump"),
    });
    const [outcome] = tracePacket(node, head).outcomes;
    const { verdict, to, by, path } = outcome!;
    return `${verdict} ${verdict === "undecided" ? by : formatIp(to.ip)} ${path.at(-1)?.rule ?? ""}`;
  };
  const prefix = (addr: string, len: number): object => ({ prefix: { addr, len } });
  assert.equal(ended({ addr: prefix("10.3.0.0", 16) }), "forward 10.3.0.10 dnat ip prefix to 10.3.0.0/16");
  const map = (...elements: readonly unknown[]): object => ({
    addr: { map: { key: { payload: { protocol: "ip", field: "daddr" } }, data: { set: elements } } },
  });
  assert.match(ended(map([prefix("10.96.0.0", 24), prefix("10.2.0.0", 24)])), /^forward 10\.2\.0\.10 /);
  assert.match(ended(map([prefix("10.97.0.0", 24), prefix("10.2.0.0", 24)])), /^pass 10\.96\.0\.10/);
  assert.match(ended(map(["10.96.0.10", { range: ["10.2.0.0", "10.2.0.9"] }])), /^undecided .*where dnat ip prefix/);
});
