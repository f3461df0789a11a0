/**
 * What clients met behind kube-proxy 1.25 in userspace mode, against the emulated node, and against its decisions with
 * the workers' policy of retries. A manual clock stands in for the recording's pauses.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { manualClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import type { Decider, FlowDecision } from "../../../src/dataplane/emulated/decider.ts";
import { createEmulated } from "../../../src/dataplane/emulated/emulated.ts";
import { createNodeState } from "../../../src/dataplane/emulated/node-state.ts";
import { createPoolKeeper } from "../../../src/dataplane/emulated/pools.ts";
import { prepareDecider } from "../../../src/dataplane/emulated/prepare-decider.ts";
import { policyOf } from "../../../src/dataplane/workers/policy.ts";
import type { ForwardTable } from "../../../src/modes/userspace/forward-table.ts";
import { type Flow, formatSocketAddr, protocolName, type SocketAddr, TCP } from "../../../src/net/flow.ts";
import { inProject } from "../../support/root.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { type UserspaceRecording, userspaceRecordings } from "../../support/userspace-recording.ts";
import {
  type Answer,
  type Carrier,
  compileStages,
  podAt,
  refuses,
  replay,
  unanswered,
} from "../../support/userspace-replay.ts";

const test = suite("userspace mode: recorded behaviour");
const recordings = userspaceRecordings();
const policy = policyOf("userspace", { modern: false, udpIdleMs: undefined });

/** What cannot be compared here, and why. */
const notForEmulated = new Map(
  ["04-tcp-one-endpoint-refuses", "05-tcp-all-endpoints-refuse", "07-affinity-endpoint-refuses"].map((name) => [
    name,
    "no endpoint fails in the emulated dataplane; below with the retries",
  ]),
);
const notForRetries = new Map([["11-udp", "a stream needs the memory of flows, which the emulated dataplane has"]]);

/** How often each replay is made, with another shuffle each time: 60 take every order of three but for 1 in 10 000. */
const shuffles = runs(300, 60);

function emulated(run: number): Carrier {
  const clock = manualClock();
  const node = createEmulated({ random: seededRandom(seed + run), clock });
  return {
    apply: (program, plan) => node.apply(program, plan),
    connect(flow, again) {
      const decision = node.packet(flow, again ? "request" : "open");
      if (decision.verdict !== "forward") return unanswered(flow, decision.verdict);
      assert.ok(decision.masquerade, "endpoints see the node");
      return podAt(decision.to);
    },
    sleep: (ms) => clock.advance(ms),
  };
}

/** What became of the tries of all connections. */
interface Tries {
  readonly refused: Set<string>;
  gaveUp: number;
  withoutEndpoints: number;
}

function retrying(run: number, tries: Tries): Carrier {
  const clock = manualClock();
  const random = seededRandom(seed + run);
  const state = createNodeState(random, clock);
  const keeper = createPoolKeeper({ threads: 1, shared: false, random });
  let decider: Decider | undefined;
  const connect = (flow: Flow): Answer => {
    for (const attempt of policy.dialTimeoutsMs.keys()) {
      const decision: FlowDecision = decider!.decide(flow, attempt);
      if (decision.verdict !== "forward") {
        if (decision.verdict === "drop") tries.withoutEndpoints += 1;
        return unanswered(flow, decision.verdict);
      }
      assert.ok(decision.masquerade, "endpoints see the node");
      if (!refuses(decision.to)) return podAt(decision.to);
      tries.refused.add(formatSocketAddr(decision.to));
    }
    tries.gaveUp += 1;
    assert.deepEqual([flow.proto, policy.failure], [TCP, "close"]);
    return "closed-without-data";
  };
  return {
    async apply(program, plan) {
      state.use(program, keeper.prepare(program));
      keeper.commit();
      decider = prepareDecider(program, plan, state.decisions);
    },
    connect,
    sleep: (ms) => clock.advance(ms),
  };
}

let comparedByEmulated = 0;
let comparedWithRetries = 0;

for (const recording of recordings) {
  const { name } = recording;
  if (!notForEmulated.has(name)) {
    test(`${name}: the emulated node answers in the recorded order`, async () => {
      for (let run = 0; run < shuffles; run += 1) {
        const checks = await replay(recording, emulated(run));
        if (run === 0) comparedByEmulated += checks;
      }
    });
  }
  if (!notForRetries.has(name)) {
    test(`${name}: decisions with retries answer in the recorded order, and fail where kube-proxy logged it`, async () => {
      const tries: Tries = { refused: new Set(), gaveUp: 0, withoutEndpoints: 0 };
      for (let run = 0; run < shuffles; run += 1) {
        const checks = await replay(recording, retrying(run, tries));
        if (run === 0) comparedWithRetries += checks;
      }
      assertLogged(recording, tries);
    });
  }
}

/** What the log says of connections, each line once. */
function assertLogged({ name, connectionErrors }: UserspaceRecording, tries: Tries): void {
  const dials = connectionErrors.flatMap((line) => /dial tcp (\S+): connect: connection refused/.exec(line)?.[1] ?? []);
  assert.deepEqual([...tries.refused].sort(), dials.sort(), name);
  const logged = (what: string): boolean => connectionErrors.some((line) => line.includes(what));
  assert.equal(tries.gaveUp > 0, logged("failed to connect to an endpoint"), name);
  assert.equal(tries.withoutEndpoints > 0, logged("missing endpoints"), name);
  const explained = /dial tcp \S+: connect: connection refused|failed to connect to an endpoint|missing endpoints/;
  for (const line of connectionErrors) assert.match(line, explained);
}

test("four dials to endpoints that refuse are over before the first of them would have timed out", () => {
  const closed = recordings.flatMap(({ stages }) =>
    stages.flatMap(({ acts }) =>
      acts.flatMap((act) =>
        "sleepMs" in act || act.elapsedMs === undefined
          ? []
          : act.elapsedMs.filter((_, at) => act.sequence[at] === "closed-without-data"),
      ),
    ),
  );
  assert.equal(closed.length, 11);
  for (const elapsedMs of closed) assert.ok(elapsedMs < policy.dialTimeoutsMs[0]!, `${elapsedMs} ms`);
});

let socketsCompared = 0;

for (const recording of recordings) {
  test(`${recording.name}: the table says which sockets kube-proxy had`, () => {
    const compiled = compileStages(recording);
    for (const [at, { name, listen }] of recording.stages.entries()) {
      const ours = [...socketsOf(compiled[at]!.program.table), ...recording.ownServers];
      const recorded = listen.map((line) => withoutProxyPort(line, recording));
      assert.deepEqual(ours.sort(), recorded.sort(), `${recording.name}, ${name}`);
      socketsCompared += 1;
    }
  });
}

function socketsOf({ forwards, claims, bindIp }: ForwardTable): string[] {
  const at = (proto: number, { ip }: SocketAddr, port: string | number): string =>
    `${protocolName(proto as typeof TCP)} ${ip === 0 ? "*" : formatSocketAddr({ ip, port: 0 }).slice(0, -2)}:${port}`;
  return [
    ...forwards.map(({ proto, proxyPort }) => at(proto, { ip: bindIp, port: proxyPort }, "<proxy>")),
    ...claims.map(({ proto, addr }) => at(proto, addr, addr.port)),
  ];
}

/** Which port of the range a proxy has was left to chance. */
function withoutProxyPort(line: string, { options }: UserspaceRecording): string {
  const [first, last] = options.portRange!.split("-").map(Number) as [number, number];
  const port = Number(line.slice(line.lastIndexOf(":") + 1));
  return port >= first && port <= last ? line.replace(/\d+$/, "<proxy>") : line;
}

test("what kube-proxy could not serve has no forward", () => {
  const errors = recordings.flatMap(({ name, errors: lines }) => lines.map((line) => [name, line] as const));
  assert.deepEqual(
    errors.map(([name, line]) => [name, /SCTP is not supported.*serviceName="(\S+)"/.exec(line)?.[1]]),
    [["18-ignored-services", "default/s:s"]],
  );
  const recording = recordings.find(({ name }) => name === "18-ignored-services")!;
  assert.deepEqual(
    compileStages(recording).map(({ program }) => program.table.forwards.map(({ name }) => name)),
    [["default/web:http"]],
  );
});

test("every check and every list of sockets was compared", () => {
  const folders = readdirSync(inProject("test", "golden", "kube-proxy-userspace"), { withFileTypes: true });
  assert.equal(recordings.length, folders.filter((entry) => entry.isDirectory()).length);
  const checksOf = (which: (recording: UserspaceRecording) => boolean): number =>
    recordings
      .filter(which)
      .flatMap(({ stages }) => stages.flatMap(({ acts }) => acts))
      .filter((act) => "check" in act).length;
  assert.equal(
    comparedByEmulated,
    checksOf(({ name }) => !notForEmulated.has(name)),
  );
  assert.equal(
    comparedWithRetries,
    checksOf(({ name }) => !notForRetries.has(name)),
  );
  for (const { name } of recordings) assert.ok(!(notForEmulated.has(name) && notForRetries.has(name)), name);
  assert.equal(socketsCompared, recordings.flatMap(({ stages }) => stages).length);
  console.log(
    `${checksOf(() => true)} checks, ${comparedByEmulated} of them by the emulated node and ${comparedWithRetries} with ` +
      `retries, ${shuffles} shuffles each; ${socketsCompared} lists of sockets`,
  );
});
