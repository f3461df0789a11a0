/** What each event of a vector does. The expected picks and counts are worked out by hand. */
import assert from "node:assert/strict";
import { replayVector } from "../../../src/lab/conformance/replay.ts";
import { suite } from "../../support/suite.ts";
import { close, type Literal, open, server, vector } from "./vectors.ts";

const test = suite("replay of a vector");

const replay = (fields: Literal) => replayVector(vector(fields));
const packet = (conn: number): Literal => ({ op: "packet", conn });
const wait = (ms: number): Literal => ({ op: "wait", ms });

test("opens are picks, and counts are told after every event in list order", () => {
  const { ok, picks, packetPicks, counts } = replay({ events: [open(1), open(2), close(1, "client-fin")] });
  assert.ok(ok, "nothing was recorded that could differ");
  assert.deepEqual([picks, packetPicks], [[3, 2], []]);
  assert.deepEqual(counts, [
    [
      [3, 1, 0],
      [2, 0, 0],
      [1, 0, 0],
    ],
    [
      [3, 1, 0],
      [2, 1, 0],
      [1, 0, 0],
    ],
    [
      [3, 0, 1],
      [2, 1, 0],
      [1, 0, 0],
    ],
  ]);
});

/** Counts of the only server after these events. */
function alone(events: readonly Literal[], fields: Literal = {}): readonly [number, number] {
  const { counts } = replay({ servers: [server(1)], events, ...fields });
  const [[, active, inactive]] = counts.at(-1)! as [[number, number, number]];
  return [active, inactive];
}

test("half open, refused and closed connections count as the kernel has them", () => {
  const half = { half: true, result: "half" };
  assert.deepEqual(alone([open(1, { ...half, state: "SYN_RECV" })]), [1, 0]);
  assert.deepEqual(alone([open(1, { ...half, state: "SYN_RECV" }), wait(60_000)]), [0, 0], "not answered: 60 s");
  assert.deepEqual(alone([open(1, { ...half, state: "ESTABLISHED" }), wait(60_000)]), [1, 0], "answered: 900 s");
  assert.deepEqual(alone([open(1, { result: "rst", state: "CLOSE" })]), [0, 1]);
  assert.deepEqual(alone([open(1, { result: "rst" }), wait(10_000)]), [0, 0]);
  for (const [mode, seconds] of Object.entries({
    "client-fin": 120,
    "server-fin": 120,
    "client-half": 60,
    "server-half": 120,
    "client-rst": 10,
    "server-rst": 10,
  })) {
    const events = [open(1), close(1, mode)];
    assert.deepEqual(alone(events), [0, 1], mode);
    assert.deepEqual(alone([...events, wait(seconds * 1000 - 1)]), [0, 1], mode);
    assert.deepEqual(alone([...events, wait(seconds * 1000)]), [0, 0], mode);
  }
});

test("a client that was never answered closes without a packet", () => {
  const silent = open(1, { result: "half", state: "SYN_RECV" });
  for (const mode of ["client-fin", "client-half", "client-rst"]) {
    assert.deepEqual(alone([silent, close(1, mode)]), [1, 0], mode);
  }
});

test("closing what was refused, or is closed already, does nothing", () => {
  const refused = open(1, { result: "no-server" });
  const none = { servers: [server(1, { weight: 0 })] };
  const { picks, counts } = replay({ ...none, events: [refused, close(1, "client-fin", { noop: true })] });
  assert.deepEqual([picks, counts.at(-1)], [[null], [[1, 0, 0]]]);
  assert.deepEqual(alone([open(1), close(1, "server-rst"), close(1, "client-fin")]), [0, 1]);
});

test("closing a UDP socket sends nothing; what a client sends to a removed server is dropped", () => {
  const udp = { protocol: "udp" };
  assert.deepEqual(alone([open(1), wait(299_999), close(1, "client-fin")], udp), [0, 1]);
  assert.deepEqual(alone([open(1), wait(299_999), close(1, "client-fin"), wait(1)], udp), [0, 0]);
  const removed = [open(1), { op: "remove", server: 1 }];
  const back = { op: "add", server: server(1) };
  assert.deepEqual(alone([...removed, close(1, "client-fin"), back]), [1, 0], "the server never saw a FIN");
  assert.deepEqual(alone([...removed, close(1, "server-fin"), back]), [0, 1]);
});

test("a connection that another took the place of can neither close nor expire", () => {
  const again = open(2, { client: { ip: "10.1.1.1", port: 5001 } });
  const taken = [open(1), close(1, "client-rst"), again];
  assert.deepEqual(alone(taken), [1, 0]);
  assert.deepEqual(alone([...taken, close(1, "client-fin"), { op: "expire", conns: [1] }]), [1, 0]);
  assert.deepEqual(alone([...taken, close(2, "client-fin")]), [0, 1]);
});

test("a socket that is used again: scheduled again, or not, as the sysctls say", () => {
  const events = [open(1), close(1, "client-rst"), open(2, { client: { ip: "10.1.1.1", port: 5001 } })];
  assert.deepEqual(replay({ events }).picks, [3, 2]);
  assert.deepEqual(replay({ events, sysctl: { conn_reuse_mode: 0 } }).picks, [3, 3]);
  const drained = events.toSpliced(2, 0, { op: "setWeight", server: 3, weight: 0 });
  assert.deepEqual(replay({ events: drained, sysctl: { conn_reuse_mode: 0 } }).picks, [3, 3]);
  assert.deepEqual(replay({ events: drained, sysctl: { conn_reuse_mode: 0, expire_nodest_conn: 1 } }).picks, [3, 2]);
});

test("expire: time passes until the connections are gone; others are kept in the table", () => {
  const events = [open(1), open(2), open(3), { op: "expire", conns: [1, 3] }];
  const { counts } = replay({ protocol: "udp", timeouts: { tcp: 0, tcpfin: 0, udp: 2 }, events });
  assert.deepEqual(counts.at(-1), [
    [3, 0, 0],
    [2, 0, 1],
    [1, 0, 0],
  ]);
  // However short the time of those that stay is next to that of those that go.
  const short = { timeouts: { tcp: 3, tcpfin: 120, udp: 0 } };
  const long = [open(1), open(2), close(1, "server-half"), { op: "expire", conns: [1] }];
  assert.deepEqual(replay({ ...short, events: long }).counts.at(-1), [
    [3, 0, 0],
    [2, 1, 0],
    [1, 0, 0],
  ]);
  // The template's 2 s are over after the second that the connection took, and one more.
  const persistent = {
    persistence: { timeout: 2 },
    timeouts: { tcp: 0, tcpfin: 1, udp: 0 },
    events: [open(1), close(1, "server-half"), { op: "expire", conns: [1] }, wait(999), open(2), wait(1), open(3)],
  };
  assert.deepEqual(replay(persistent).picks, [3, 3, 3]);
  const later = persistent.events.with(3, wait(1000));
  assert.deepEqual(replay({ ...persistent, events: later }).picks, [3, 2, 2]);
});

test("datagrams: to the server of their connection, scheduled anew without one, dropped when it was removed", () => {
  const udp = { protocol: "udp" };
  const events = [
    open(1),
    packet(1),
    { op: "remove", server: 3 },
    packet(1),
    open(2),
    { op: "add", server: server(3) },
    packet(1),
  ];
  const { picks, packetPicks, counts } = replay({ ...udp, events });
  assert.deepEqual(
    [picks, packetPicks],
    [
      [3, 2],
      [3, null, 3],
    ],
  );
  assert.deepEqual(counts.at(-1), [
    [3, 0, 1],
    [2, 0, 1],
    [1, 0, 0],
  ]);
  const flushed = replay({ ...udp, events, sysctl: { expire_nodest_conn: 1 } });
  assert.deepEqual(
    [flushed.picks, flushed.packetPicks],
    [
      [3, 1],
      [3, 2, 2],
    ],
  );
  const idle = replay({ ...udp, timeouts: { udp: 2 }, events: [open(1), wait(2000), packet(1)] });
  assert.deepEqual([idle.picks, idle.packetPicks], [[3], [2]]);
});

test("one packet: every datagram is picked, and nothing is counted", () => {
  const events = [open(1), packet(1), packet(1), open(2), packet(1)];
  const { picks, packetPicks, counts } = replay({ protocol: "udp", onePacket: true, events });
  assert.deepEqual(
    [picks, packetPicks],
    [
      [3, 3],
      [2, 1, 2],
    ],
  );
  assert.ok(counts.every((one) => one.every(([, active, inactive]) => active + inactive === 0)));
});

test("a firewall mark and port 0 take flows to any address; persistence is for all of them", () => {
  const to = (conn: number, ip: string, port: number): Literal => open(conn, { dst: { ip, port } });
  const events = [to(1, "10.96.0.1", 80), to(2, "10.96.7.7", 443), to(3, "10.96.0.1", 8080)];
  assert.deepEqual(replay({ virtual: { fwmark: 1 }, events }).picks, [3, 2, 1]);
  assert.deepEqual(replay({ virtual: { fwmark: 1 }, persistence: { timeout: 300 }, events }).picks, [3, 3, 3]);
  const port0 = { virtual: { address: "10.96.0.1", port: 0 }, persistence: { timeout: 300 } };
  assert.deepEqual(replay({ ...port0, events }).picks, [3, 3, 3]);
});

test("persistence: dotted masks for IPv4, prefixes for IPv6", () => {
  const from = (conn: number, ip: string): Literal => open(conn, { client: { ip, port: 5000 } });
  const ip4 = [from(1, "10.1.1.1"), from(2, "10.1.2.1"), from(3, "10.2.1.1")];
  assert.deepEqual(replay({ persistence: { timeout: 9 }, events: ip4 }).picks, [3, 2, 1]);
  assert.deepEqual(replay({ persistence: { timeout: 9, netmask: "255.255.0.0" }, events: ip4 }).picks, [3, 3, 2]);
  const ip6 = {
    virtual: { address: "fd00::1", port: 80 },
    servers: [1, 2, 3].map((id) => server(id, { address: `fd00:1::${id}` })),
    events: [from(1, "2001:db8:0:1::1"), from(2, "2001:db8:0:1::2"), from(3, "2001:db8:0:2::1")],
  };
  assert.deepEqual(replay({ ...ip6, persistence: { timeout: 9, netmask: 64 } }).picks, [3, 3, 2]);
  assert.deepEqual(replay({ ...ip6, persistence: { timeout: 9, netmask: 48 } }).picks, [3, 3, 3]);
});

test("weights, thresholds, servers and schedulers change where the events say so", () => {
  const events = [
    { op: "setWeight", server: 3, weight: 0 },
    open(1),
    { op: "setThreshold", server: 2, upper: 1, lower: 0 },
    open(2),
    { op: "add", server: server(4, { weight: 5 }) },
    { op: "setScheduler", scheduler: "fo", flags: [] },
    open(3),
    { op: "remove", server: 4 },
    { op: "setThreshold", server: 2, upper: 0, lower: 0 },
    { op: "setWeight", server: 2, weight: 7 },
    open(4),
  ];
  assert.deepEqual(replay({ events }).picks, [2, 1, 4, 2]);
});

test("what was recorded and differs is told with its place; what was not stable is passed over", () => {
  const events = [open(1), close(1, "client-fin"), open(2)];
  const counts = [
    null,
    null,
    [
      [3, 0, 1],
      [2, 1, 0],
      [1, 0, 0],
    ],
  ];
  assert.ok(replay({ events, picks: [3, 2], counts }).ok);
  const { ok, differences } = replay({ events, picks: [3, 1], counts: counts.with(0, [[3, 0, 1]]) });
  assert.equal(ok, false);
  assert.deepEqual(differences, [
    {
      run: 0,
      what: "counts",
      event: 0,
      index: 0,
      recorded: [[3, 0, 1]],
      replayed: [
        [3, 1, 0],
        [2, 0, 0],
        [1, 0, 0],
      ],
      impossible: false,
    },
    { run: 0, what: "picks", event: 2, index: 1, recorded: 1, replayed: 2, impossible: false },
  ]);
});

test("a kernel is compared with its variant, where there is one", () => {
  const events = [open(1)];
  const both = { events, picks: [3], variants: { "6.1.176 (somewhere)": { picks: [1] } } };
  assert.ok(replayVector(vector(both)).ok);
  assert.ok(replayVector(vector(both), { kernel: "7.2.13" }).ok);
  assert.equal(replayVector(vector(both), { kernel: "6.1.176" }).differences[0]?.recorded, 1);
});
