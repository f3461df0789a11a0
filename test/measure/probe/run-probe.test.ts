import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { HEADER_BYTES } from "../../../src/measure/message.ts";
import { createAnswer } from "../../../src/measure/probe/endpoint-answer.ts";
import { type Asked, connecting, type ProbeTask } from "../../../src/measure/probe/probe.ts";
import { startProbe } from "../../../src/measure/probe/run-probe.ts";
import { suite } from "../../support/suite.ts";

const test = suite("prober");
const servers: { readonly server: Server; readonly open: Set<Socket> }[] = [];
test.after(() => {
  for (const { server, open } of servers) {
    server.close();
    for (const socket of open) socket.destroy();
  }
});

type Answering = (request: Buffer, socket: Socket) => void;

/** @returns where it listens, and who connected. */
async function serve(answer: Answering) {
  const open = new Set<Socket>();
  const clients: string[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    clients.push(socket.remoteAddress!);
    socket.on("error", () => {});
    socket.on("data", (chunk) => answer(chunk.subarray(0, HEADER_BYTES), socket));
  });
  servers.push({ server, open });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { target: { host: "127.0.0.1", port: (server.address() as AddressInfo).port }, clients };
}

const as =
  (endpoint: number): Answering =>
  (request, socket) =>
    socket.write(createAnswer(request, endpoint));

const patient = { timeoutMs: 15_000 };
const closed = { kind: "closed", connecting: "fresh", lanes: 4, requests: 40, sources: [] } as const;

function run(task: ProbeTask) {
  return startProbe(task).ended;
}

function outcomes(asked: readonly Asked[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome, endpoint } of asked) {
    const key = endpoint === undefined ? outcome : `${outcome} ${endpoint}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

test("fresh connections go to the targets in turn, and each answer says who gave it", async () => {
  const [a, b] = [await serve(as(3)), await serve(as(4))];
  const { fresh, kept } = await run({ ...patient, targets: [a.target, b.target], loop: closed });
  assert.deepEqual(outcomes(fresh), { "answered 3": 20, "answered 4": 20 });
  assert.deepEqual([kept.length, a.clients.length, b.clients.length], [0, 20, 20]);
});

test("kept connections are as many as lanes, whatever is asked on them", async () => {
  const { target, clients } = await serve(as(1));
  const { fresh, kept } = await run({ ...patient, targets: [target], loop: { ...closed, connecting: "kept" } });
  assert.deepEqual([fresh.length, outcomes(kept), clients.length], [0, { "answered 1": 40 }, 4]);
});

test("requests come from the addresses they are to come from", async () => {
  const { target, clients } = await serve(as(1));
  const sources = ["127.30.0.1", "127.30.0.2"];
  const { fresh } = await run({ ...patient, targets: [target], loop: { ...closed, requests: 4, lanes: 1, sources } });
  assert.deepEqual(clients, [...sources, ...sources]);
  assert.deepEqual(
    fresh.map(({ source }) => source),
    clients,
  );
});

test("what is refused, dropped, wrong or late is told apart", async () => {
  const cases: readonly (readonly [Asked["outcome"], Answering])[] = [
    ["dropped", (_, socket) => socket.end()],
    ["wrong", (request, socket) => socket.write(createAnswer(Buffer.alloc(HEADER_BYTES, request[0]! + 1), 1))],
    ["timedOut", () => {}],
  ];
  for (const [outcome, answer] of cases) {
    for (const how of connecting) {
      const { target } = await serve(answer);
      const loop = { ...closed, connecting: how, requests: 8 };
      const timeoutMs = outcome === "timedOut" ? 30 : patient.timeoutMs;
      const sample = await run({ timeoutMs, targets: [target], loop });
      assert.deepEqual(outcomes(sample[how]), { [outcome]: 8 }, `${outcome} ${how}`);
    }
  }
  const free = await serve(as(1));
  await new Promise((resolve) => servers.at(-1)!.server.close(resolve));
  const { fresh } = await run({ ...patient, targets: [free.target], loop: { ...closed, requests: 8 } });
  assert.deepEqual(outcomes(fresh), { refused: 8 });
});

test("an open loop asks at its rate, fresh and kept alike, until it is stopped, and goes where it is aimed", async () => {
  const [a, b] = [await serve(as(1)), await serve(as(2))];
  // So few that a busy host keeps up with them: what it owes would only grow.
  const loop = { kind: "open", ratePerSecond: 50, lanes: 4 } as const;
  const probe = startProbe({ ...patient, targets: [a.target], loop });
  while (a.clients.length < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  probe.aim([b.target]);
  while (b.clients.length < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  probe.stop();
  const { fresh, kept } = await probe.ended;
  const dues = fresh.map(({ dueMs }) => dueMs).sort((x, y) => x - y);
  // Each is due 20 ms after the one before, whatever the host does.
  for (const [at, due] of dues.slice(1).entries()) assert.ok(Math.abs(due - dues[at]! - 20) < 0.01, `${due}`);
  assert.ok((outcomes(fresh)["answered 1"] ?? 0) >= 16 && (outcomes(fresh)["answered 2"] ?? 0) >= 16);
  // Kept connections stay where they are.
  assert.deepEqual(Object.keys(outcomes(kept)), ["answered 1"]);
  // How far each of them got is the host's affair; what it was asked came due in turn, and none was left out.
  for (let lane = 0; lane < loop.lanes; lane += 1) {
    const turns = kept.map(({ dueMs }) => dues.indexOf(dueMs)).filter((at) => at % loop.lanes === lane);
    assert.ok(turns.length > 0, `connection ${lane} was asked nothing`);
    assert.deepEqual(
      turns,
      turns.map((_, at) => lane + at * loop.lanes),
    );
  }
  assert.ok(kept.every(({ dueMs }) => dues.includes(dueMs)));
});

test("a kept connection that ends is opened anew for the next request", async () => {
  let asked = 0;
  const { target, clients } = await serve((request, socket) => {
    asked += 1;
    as(1)(request, socket);
    if (asked === 10) socket.end();
  });
  const { kept } = await run({ ...patient, targets: [target], loop: { ...closed, connecting: "kept", lanes: 1 } });
  // Whether the next request had gone out already is chance.
  assert.ok((outcomes(kept)["answered 1"] ?? 0) >= 39, JSON.stringify(outcomes(kept)));
  assert.equal(clients.length, 2);
});

test("an open loop that is stopped still asks what was due: what waits longest is not left out", async () => {
  const { target } = await serve(() => {});
  const loop = { kind: "open", ratePerSecond: 100, lanes: 1 } as const;
  const probe = startProbe({ targets: [target], timeoutMs: 150, loop });
  await delay(200);
  probe.stop();
  const { fresh, kept } = await probe.ended;
  // One of each is due at a time; the only lane of the kept ones waits for an answer all the while.
  assert.equal(kept.length, fresh.length);
  assert.ok(kept.length >= 10 && kept.every(({ outcome }) => outcome === "timedOut"), JSON.stringify(outcomes(kept)));
});
