import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { isSluiceError } from "../../../src/core/errors.ts";
import { parseVector } from "../../../src/lab/conformance/parse-vector.ts";
import { TCP, UDP } from "../../../src/net/flow.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";
import { close, type Literal, literal, open, server, vector } from "./vectors.ts";

const test = suite("vector files");

test("a vector of the least has defaults for all the rest", () => {
  assert.deepEqual(vector({ servers: [server(1)] }), {
    proto: TCP,
    service: { scheduler: "rr", flags: [], persistence: undefined, onePacket: false },
    sysctls: {},
    timeoutsMs: {},
    servers: [{ id: 1, addr: { ip: parseIp("10.244.0.1"), port: 8080 }, weight: 1, upper: 0, lower: 0 }],
    events: [],
    deterministic: true,
    picks: undefined,
    packetPicks: undefined,
    counts: undefined,
    variants: new Map(),
    otherRuns: [],
  });
});

test("null stands for what was not set", () => {
  assert.deepEqual(vector({ persistence: null, timeouts: null, sysctl: null, picks: null }), vector());
});

test("every field is read", () => {
  const read = vector({
    scheduler: "sh",
    flags: ["sh-port"],
    protocol: "udp",
    virtual: { fwmark: 7 },
    persistence: { timeout: 300, netmask: "255.255.0.0" },
    onePacket: true,
    sysctl: {
      conntrack: 1,
      conn_reuse_mode: 0,
      expire_nodest_conn: 1,
      expire_quiescent_template: 1,
      lblc_expiration: 5,
    },
    timeouts: { tcp: 0, tcpfin: 2, udp: 3 },
    servers: [server(1, { upper: 4, lower: 2 })],
    deterministic: false,
  });
  assert.equal(read.proto, UDP);
  const persistence = { timeoutMs: 300_000, netmask: parseIp("255.255.0.0") };
  assert.deepEqual(read.service, { scheduler: "sh", flags: ["sh-port"], persistence, onePacket: true });
  const sysctls = { reuseConnections: false, expireNodestConn: true, expireQuiescentTemplate: true };
  assert.deepEqual(read.sysctls, { ...sysctls, lblcExpirationSeconds: 5 });
  assert.deepEqual(read.timeoutsMs, { FIN_WAIT: 2000, UDP: 3000 });
  assert.deepEqual([read.servers[0]!.upper, read.servers[0]!.lower, read.deterministic], [4, 2, false]);
  const ip6 = vector({ persistence: { timeout: 1, netmask: 68 } });
  assert.deepEqual(ip6.service.persistence!.netmask, parseIp("ffff:ffff:ffff:ffff:f000::"));
});

test("sysctls that decide nothing here may have any value, those that would only 0", () => {
  const sysctl = {
    snat_reroute: 0,
    sync_threshold: "3 50",
    drop_entry: 0,
    drop_packet: 0,
    secure_tcp: 0,
    sloppy_tcp: 0,
  };
  assert.deepEqual(vector({ sysctl }).sysctls, {});
});

test("a recording is read as it stands", () => {
  const text = readFileSync(inProject("test", "golden", "ipvs", "persist-rr-timeout.json"), "utf8");
  const { events, picks, counts, service } = parseVector(text, "persist-rr-timeout.json");
  assert.deepEqual([events.length, picks!.length, counts!.length], [48, 31, 48]);
  assert.equal(service.persistence!.timeoutMs, 2000);
});

/** Field, and what is wrong with it. */
const wrong: readonly (readonly [field: string, fields: Literal])[] = [
  ["scheduler", { scheduler: "random" }],
  ["scheduler", { scheduler: undefined }],
  ["flags[1]", { flags: ["sh-port", "sh-ports"] }],
  ["protocol", { protocol: "sctp" }],
  ["protocol", { protocol: undefined }],
  ["virtual", { virtual: undefined }],
  ["virtual.address", { virtual: { port: 80 } }],
  ["virtual.address", { virtual: { address: "10.96.0.256", port: 80 } }],
  ["virtual.port", { virtual: { address: "10.96.0.1", port: 65_536 } }],
  ["virtual.port", { virtual: { address: "10.96.0.1", port: 0 } }],
  ["virtual.fwmark", { virtual: { fwmark: "1" } }],
  ["persistence", { persistence: 300 }],
  ["persistence.timeout", { persistence: {} }],
  ["persistence.timeout", { persistence: { timeout: -1 } }],
  ["persistence.netmask", { persistence: { timeout: 1, netmask: "ffff::" } }],
  ["persistence.netmask", { persistence: { timeout: 1, netmask: 129 } }],
  ["persistence.netmask", { persistence: { timeout: 1, netmask: 0 } }],
  ["onePacket", { onePacket: 1 }],
  ["forwarding", { forwarding: "tunnel" }],
  ["sysctl.drop_entry", { sysctl: { drop_entry: 1 } }],
  ["sysctl.sloppy_tcp", { sysctl: { sloppy_tcp: 1 } }],
  ["sysctl.conn_resue_mode", { sysctl: { conn_resue_mode: 1 } }],
  ["sysctl.conn_reuse_mode", { sysctl: { conn_reuse_mode: true } }],
  ["timeouts.tcpfin", { timeouts: { tcp: 0, tcpfin: "1" } }],
  ["deterministic", { deterministic: "yes" }],
  ["servers", { servers: undefined }],
  ["servers", { servers: {} }],
  ["servers[0].id", { servers: [server(1, { id: "1" })] }],
  ["servers[1].id", { servers: [server(1), server(1)] }],
  ["servers[1].address", { servers: [server(1), server(2, { address: "10.244.0.1" })] }],
  ["servers[0].port", { servers: [server(1, { port: -1 })] }],
  ["servers[0].weight", { servers: [server(1, { weight: 65_536 })] }],
  ["servers[0].weight", { servers: [server(1, { weight: undefined })] }],
  ["servers[0].upper", { servers: [server(1, { upper: 1.5 })] }],
  ["servers[0].lower", { servers: [server(1, { upper: 1, lower: 2 })] }],
  ["events", { events: undefined }],
  ["events[0]", { events: [7] }],
  ["events[1].op", { events: [open(1), { op: "teleport" }] }],
  ["events[0].op", { events: [{}] }],
  ["events[1].conn", { events: [open(1), open(1)] }],
  ["events[0].client.ip", { events: [open(1, { client: { port: 1 } })] }],
  ["events[0].client.port", { events: [open(1, { client: { ip: "10.1.1.1" } })] }],
  ["events[0].dst", { virtual: { fwmark: 1 }, events: [open(1)] }],
  ["events[0].dst.port", { virtual: { fwmark: 1 }, events: [open(1, { dst: { ip: "10.96.0.1" } })] }],
  ["events[0].result", { events: [open(1, { result: "perhaps" })] }],
  ["events[0].conn", { events: [close(1, "client-fin")] }],
  ["events[1].mode", { events: [open(1), close(1, "client-slam")] }],
  ["events[0].conn", { events: [{ op: "packet", conn: 1 }] }],
  ["events[1].conns", { events: [open(1), { op: "expire", conns: [1, 2] }] }],
  ["events[0].conns", { events: [{ op: "expire", conns: 1 }] }],
  ["events[0].server.id", { events: [{ op: "add", server: server(1) }] }],
  ["events[0].server", { events: [{ op: "add", server: 4 }] }],
  ["events[0].server", { events: [{ op: "remove", server: 4 }] }],
  [
    "events[1].server",
    {
      events: [
        { op: "remove", server: 1 },
        { op: "remove", server: 1 },
      ],
    },
  ],
  ["events[0].weight", { events: [{ op: "setWeight", server: 1, weight: -1 }] }],
  ["events[0].server", { events: [{ op: "setWeight", server: 9, weight: 1 }] }],
  ["events[0].lower", { events: [{ op: "setThreshold", server: 1, upper: 1, lower: 2 }] }],
  ["events[0].scheduler", { events: [{ op: "setScheduler", scheduler: "best", flags: [] }] }],
  ["events[0].flags[0]", { events: [{ op: "setScheduler", scheduler: "sh", flags: ["fast"] }] }],
  ["events[0].ms", { events: [{ op: "wait", ms: "long" }] }],
  ["picks", { events: [open(1)], picks: [] }],
  ["picks[0]", { events: [open(1)], picks: ["3"] }],
  ["packetPicks", { events: [open(1)], packetPicks: [3] }],
  ["counts", { events: [open(1)], counts: [null, null] }],
  ["counts[0]", { events: [open(1)], counts: [[[3, 1]]] }],
  ["variants", { variants: [] }],
  ['variants["6.1.176"].picks', { events: [open(1)], variants: { "6.1.176": { picks: [3, 2] } } }],
  ["otherRuns[0].picks[0]", { events: [open(1)], otherRuns: [{ picks: [true] }] }],
];

test("what is wrong in a vector is told by its file and field", () => {
  for (const [field, fields] of wrong) {
    assert.throws(
      () => vector(fields),
      (error) => {
        assert.ok(isSluiceError(error, "INPUT_INVALID"), `${field}: ${String(error)}`);
        assert.equal(error.details.field, field, JSON.stringify(fields));
        assert.equal(error.details.file, "vector.json");
        return true;
      },
      field,
    );
  }
});

test("where it stands is told by line and column, also of what is no JSON", () => {
  const text = JSON.stringify(literal({ events: [open(1), { op: "teleport" }] }), undefined, 1);
  const lines = text.split("\n");
  const line = lines.findIndex((one) => one.includes("teleport"));
  const place = (text: string): unknown => {
    try {
      return parseVector(text, "v.json");
    } catch (error) {
      assert.ok(isSluiceError(error, "INPUT_INVALID"));
      return [error.details.line, error.details.column, error.details.field];
    }
  };
  assert.deepEqual(place(text), [line + 1, lines[line]!.indexOf('"teleport"') + 1, "events[1].op"]);
  assert.deepEqual(place('{\n "a": ,'), [2, 7, ""]);
  assert.deepEqual(place(""), [1, 1, ""]);
  assert.deepEqual(place("[]"), [1, 1, ""]);
});
