import assert from "node:assert/strict";
import { renderResult } from "../../../src/lab/conformance/render-result.ts";
import { replayVector } from "../../../src/lab/conformance/replay.ts";
import { suite } from "../../support/suite.ts";
import { close, type Literal, open, server, vector } from "./vectors.ts";

const test = suite("a replayed vector as text");

function rendered(fields: Literal): string {
  const read = vector(fields);
  return renderResult("one.json", read, replayVector(read));
}

test("one line for a vector that agrees", () => {
  assert.equal(
    rendered({ events: [open(1), close(1, "client-fin")], picks: [3] }),
    "agrees   one.json: 1 picks, 2 events\n",
  );
});

test("where nothing was recorded, nothing is said to agree", () => {
  assert.equal(
    rendered({ events: [open(1), close(1, "client-fin")], picks: undefined, counts: undefined }),
    "played   one.json: 1 picks, 2 events, nothing recorded to compare with\n",
  );
});

test("the first difference, with three events on each side, recorded against ours", () => {
  const events = [...[1, 2, 3, 4, 5].map((conn) => open(conn)), close(1, "client-fin"), open(6), open(7), open(8)];
  const counts = events.map((): unknown => null);
  counts[2] = [
    [3, 1, 0],
    [2, 1, 0],
    [1, 1, 0],
  ];
  assert.equal(
    rendered({ events, counts, picks: [3, 2, 1, 3, 1, 1, 3, 2] }),
    `differs  one.json: 8 picks, 9 events
  event 4, picks[4]: 1 was recorded, ours is 2
        1  open 2, 10.1.1.1:5002 -> 10.96.0.1:80
                    server 2   3: 1+0  2: 1+0  1: 0+0
        2  open 3, 10.1.1.1:5003 -> 10.96.0.1:80
                    server 1   3: 1+0  2: 1+0  1: 1+0
        3  open 4, 10.1.1.1:5004 -> 10.96.0.1:80
                    server 3   3: 2+0  2: 1+0  1: 1+0
  >     4  open 5, 10.1.1.1:5005 -> 10.96.0.1:80
           recorded server 1
           ours     server 2   3: 2+0  2: 2+0  1: 1+0
        5  close 1, client-fin
                    3: 1+1  2: 2+0  1: 1+0
        6  open 6, 10.1.1.1:5006 -> 10.96.0.1:80
                    server 1   3: 1+1  2: 2+0  1: 2+0
        7  open 7, 10.1.1.1:5007 -> 10.96.0.1:80
                    server 3   3: 2+1  2: 2+0  1: 2+0
`,
  );
});

test("every kind of event has its words", () => {
  const events = [
    { op: "add", server: server(4, { weight: 2 }) },
    { op: "setWeight", server: 1, weight: 5 },
    { op: "setThreshold", server: 2, upper: 4, lower: 2 },
    { op: "setScheduler", scheduler: "sh", flags: ["sh-port", "sh-fallback"] },
    { op: "remove", server: 3 },
    { op: "wait", ms: 120 },
    { op: "expire", conns: [] },
  ];
  const counts = events.map((_, at) => (at === 3 ? [] : null));
  const text = rendered({ events, counts });
  for (const words of [
    "event 3, counts[3]: [] was recorded, ours is [[4,0,0],",
    "0  add server 4, weight 2",
    "1  server 1 gets weight 5",
    "2  server 2 gets thresholds 4, 2",
    "3  scheduler sh sh-port sh-fallback",
    "4  remove server 3",
    "5  wait 120 ms",
  ]) {
    assert.ok(text.includes(words), `${words}\n${text}`);
  }
  const packets = { protocol: "udp", events: [open(1), { op: "packet", conn: 1 }, { op: "expire", conns: [1] }] };
  const datagrams = rendered({ ...packets, packetPicks: [null] });
  assert.match(datagrams, /1 {2}packet of 1\n +recorded nobody\n +ours {5}server 3/);
  assert.match(datagrams, /2 {2}expire 1\n/);
});

test("of random picks: how likely they are, and which were possible", () => {
  const random = {
    scheduler: "twos",
    deterministic: false,
    servers: [server(1), server(2)],
    events: [open(1), open(2)],
  };
  assert.match(
    rendered({ ...random, picks: [1, 2] }),
    /^agrees {3}one\.json: 2 picks, 2 events, 2 random picks likely \(z = -?\d\.\d\d\)\n$/,
  );
  const impossible = rendered({ ...random, picks: [1, 1], otherRuns: [{ picks: [1, null] }] });
  assert.match(impossible, /\n {2}another run, event 1, picks\[1\]: null was recorded, possible were \[2,1\]\n/);
});
