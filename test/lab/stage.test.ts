import assert from "node:assert/strict";
import { silentLog } from "../../src/core/log.ts";
import { isSluiceError } from "../../src/core/errors.ts";
import { createWorkersDataplane, type WorkersDataplane } from "../../src/dataplane/workers/workers.ts";
import type { BenchOptions } from "../../src/lab/options.ts";
import { resolveBenchOptions } from "../../src/lab/options.ts";
import { type CreateDataplane, openStage, type Stage } from "../../src/lab/stage.ts";
import { type ExperimentPlan, runExperiment } from "../../src/measure/experiment.ts";
import { geometricMeanInterval } from "../../src/measure/intervals.ts";
import type { BenchResult } from "../../src/measure/result.ts";
import { summarize } from "../../src/measure/summarize.ts";
import { suite } from "../support/suite.ts";
import { environment } from "../measure/synthetic.ts";
import { smallCluster } from "./small-cluster.ts";

const test = suite("bench stage", { timeoutMs: 120_000, sampled: 3 });
const workers: CreateDataplane = ({ seed }) => createWorkersDataplane({ workers: 2, seed });

/** Opens a stage, runs a plan that is shorter than users may ask for, and closes it. */
async function measure(
  options: Partial<BenchOptions>,
  short: Partial<ExperimentPlan>,
  create = workers,
): Promise<{ result: BenchResult; stage: Stage }> {
  const given = { snapshot: smallCluster, nodeName: "node-a", log: silentLog, seed: 4, ...options };
  const stage = await openStage(given, resolveBenchOptions(given), create);
  try {
    // Whatever comes back does count: a host may be so busy that 2 s pass.
    const plan = { ...stage.plan, timeoutMs: 15_000, ...short };
    const experiment = await runExperiment(plan, stage.rig);
    const notes = await stage.notes();
    const estimate: Parameters<typeof summarize>[0]["estimate"] = (requests) =>
      Promise.resolve(requests.map(({ values, seed }) => geometricMeanInterval(values, seed)));
    const { subjects, services } = stage;
    const budgetMs = 80_000;
    const rest = { budgetMs, precision: undefined, notes, environment, estimate };
    const result = await summarize({ plan, experiment, subjects, services, ...rest });
    return { result, stage };
  } finally {
    await stage.close();
  }
}

test("two worker threads a subject keep the promise of every mode, in every work, and answer all requests", async () => {
  const dataplanes: WorkersDataplane[] = [];
  const { result } = await measure({}, { blocks: 1, windowMs: 60 }, (options) => {
    const dataplane = createWorkersDataplane({ workers: 2, seed: options.seed });
    dataplanes.push(dataplane);
    return dataplane;
  });
  const refused = dataplanes.some((dataplane) => dataplane.status().counters.refused > 0);
  // On a host so busy that the userspace mode's own time-out of 250 ms passes, it rightly goes on to the next endpoint.
  const failures = result.failures.filter(({ subject }) => !(refused && subject === "userspace"));
  assert.deepEqual(failures, []);
  for (const { subject, work, distribution } of result.cells) {
    assert.ok(
      distribution.requests.values.some((count) => count > 0),
      `${subject} did nothing in ${work}`,
    );
    if (subject.startsWith("direct")) assert.equal(distribution.promise.kind, "none");
  }
  // One block can break a promise, and would be among the failures; it takes more to say that one was kept.
  const promising = result.cells.filter(({ distribution }) => distribution.promise.kind !== "none");
  assert.deepEqual([...new Set(promising.map(({ subject }) => subject))].sort(), [
    "iptables",
    "ipvs-lc",
    "ipvs-rr",
    "ipvs-sed",
    "userspace",
  ]);
});

test("sed leaves idle what lies beyond its lanes, and gives all UDP flows to the newest server", async () => {
  const works = ["tcp-connect-request-close", "udp-request-response"];
  const { result } = await measure({ subjects: ["ipvs-sed"], works }, { blocks: 1, windowMs: 80 });
  const [tcp, udp] = result.cells
    .filter(({ subject }) => subject === "ipvs-sed")
    .map(({ distribution }) => distribution);
  // Five endpoints in order of text: the last one was added last, and stands first in the kernel's list.
  assert.equal(tcp!.counts.values[0], 0);
  assert.ok(tcp!.counts.values[4]! > 0);
  assert.deepEqual(
    udp!.counts.values.map((count) => count > 0),
    [false, true],
  );
});

test("a dataplane that does not balance as its mode promises is found out", async () => {
  const { result } = await measure(
    { subjects: ["ipvs-rr"], works: ["tcp-connect-request-close"] },
    // Long enough that also a busy host opens more connections than there are endpoints.
    { blocks: 3, windowMs: 300 },
    ({ seed }) => {
      const real = createWorkersDataplane({ workers: 1, seed });
      return {
        ...real,
        // Says rr, and does sed.
        apply(program, plan) {
          assert.ok(program.mode === "ipvs");
          const tables = program.tables.map(({ family, virtualServers }) => ({
            family,
            virtualServers: virtualServers.map((server) => Object.assign({}, server, { scheduler: "sed" })),
          }));
          return real.apply({ mode: "ipvs", tables }, plan);
        },
      };
    },
  );
  assert.deepEqual(result.failures, [
    { subject: "ipvs-rr", work: "tcp-connect-request-close", reason: "promise-broken" },
  ]);
});

test("a dataplane whose endpoints cannot be reached leaves requests unanswered, and says so", async () => {
  const { result } = await measure(
    { subjects: ["iptables"], works: ["tcp-request-response"] },
    { blocks: 1, windowMs: 40 },
    ({ seed }) => createWorkersDataplane({ workers: 1, seed, mapEndpoint: everyEndpointTo("127.0.0.1:9") }),
  );
  assert.deepEqual(result.failures, [{ subject: "iptables", work: "tcp-request-response", reason: "unanswered" }]);
  assert.ok(result.notes.some((note) => /^iptables: \d+ tries to reach an endpoint failed/.test(note)));
});

function everyEndpointTo(to: string): { from: string; to: string }[] {
  return Array.from({ length: 5 }, (_, at) => ({ from: `127.10.100.10${at}`, to }));
}

test("a mode that does not serve the service is refused, and nothing stays open", async () => {
  let closed = 0;
  const create: CreateDataplane = () => ({
    name: "idle",
    apply: () => Promise.resolve(),
    close: () => Promise.resolve(void (closed += 1)),
    status: () => ({
      listeners: [],
      engine: "node",
      placement: "reusePort",
      notEmulated: [],
      counters: { refused: 0, udpEvicted: 0, datagramsLost: 0 },
    }),
  });
  await assert.rejects(
    measure({ subjects: ["iptables"] }, {}, create),
    (error) =>
      isSluiceError(error, "DATAPLANE_FAILED") && error.details.what.startsWith("iptables does not serve default/web"),
  );
  assert.equal(closed, 1);
});

test("works of a protocol that the service does not have are left out, and it is refused when none is left", async () => {
  const { result } = await measure({ subjects: [], service: "default/web" }, { blocks: 1, windowMs: 30 });
  assert.deepEqual(
    result.works.map(({ protocol }) => protocol),
    ["tcp", "tcp", "tcp"],
  );
  assert.ok(result.notes.includes("No UDP: the cluster has no such service to measure."));
  await assert.rejects(
    measure({ subjects: [], service: "default/web", works: ["udp-request-response"] }, {}),
    (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === "works",
  );
});
