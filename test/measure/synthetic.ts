/** A small experiment with made-up figures: three subjects, two works, six blocks after the warm-up. */
import type { BackendCount } from "../../src/measure/echo/counters.ts";
import type { Experiment, ExperimentPlan, Slice } from "../../src/measure/experiment.ts";
import { createLatencyHistogram, encodeHistogram, recordLatency } from "../../src/measure/histogram.ts";
import { geometricMeanInterval } from "../../src/measure/intervals.ts";
import type { LoadErrors } from "../../src/measure/load/task.ts";
import type { BenchResult, Environment, MeasuredService } from "../../src/measure/result.ts";
import { summarize, type SummaryInput } from "../../src/measure/summarize.ts";
import { quantity } from "../../src/measure/result.ts";
import type { WorkName } from "../../src/measure/work.ts";

const works: readonly WorkName[] = ["tcp-connect-request-close", "udp-request-response"];
const tcp = { host: "127.0.0.1", port: 8080 };
const udp = { host: "127.0.0.1", port: 5353 };

export const plan: ExperimentPlan = {
  subjects: ["direct", "direct-again", "ipvs-rr"].map((name) => ({ name, targets: { tcp: [tcp], udp: [udp] } })),
  works,
  blocks: 6,
  windowMs: 500,
  messageBytes: 64,
  timeoutMs: 2000,
  seed: 7,
};

export const noErrors: LoadErrors = { refused: 0, dropped: 0, timedOut: 0, wrong: 0 };

/** Rates of each subject; a block slows all of them down alike. */
const ratePerSecond = [10_000, 10_000, 4000];
const hostFactor = [1, 1.1, 0.9, 1.05, 0.95, 1, 1];
/** Noise of one subject's slices, by block. */
const noise = [
  [1, 1, 1, 1, 1, 1, 1],
  [1, 1.01, 0.99, 1.02, 0.98, 1.01, 0.99],
  [1, 1.02, 0.98, 1.01, 0.99, 1, 1],
];

/** Three TCP backends, then two UDP ones; the first of a service get what does not divide evenly. */
function seen(work: WorkName, flows: number, requests: number): BackendCount[] {
  const part = (total: number, at: number, of: number): number => Math.floor((total + of - 1 - at) / of);
  const count = (connections: number, udpFlows: number, answered: number): BackendCount => {
    return { connections, flows: udpFlows, requests: answered, bytesIn: answered * 64, bytesOut: answered * 64 };
  };
  const idle = count(0, 0, 0);
  if (work.startsWith("udp")) {
    const used = [0, 1].map((at) => count(0, part(flows, at, 2), part(requests, at, 2)));
    return [idle, idle, idle, ...used];
  }
  const used = [0, 1, 2].map((at) => count(part(flows, at, 3), 0, part(requests, at, 3)));
  return [...used, idle, idle];
}

function slice(subject: number, work: WorkName, block: number, order: number): Slice {
  const operations = Math.round(
    ratePerSecond[subject]! * (hostFactor[block] ?? 1) * (noise[subject]![block] ?? 1) * 0.5,
  );
  const answers = operations + 2;
  const opened = work.startsWith("udp") ? Math.ceil(answers / 128) : answers;
  const latency = createLatencyHistogram();
  for (let at = 1; at <= answers; at += 1) recordLatency(latency, ((subject + 1) * at) / answers);
  const sample = { operations, seconds: 0.5, latency: encodeHistogram(latency), errors: noErrors, answers, opened };
  return {
    cell: { subject, work },
    block,
    startedMs: order * 600,
    endedMs: order * 600 + 550,
    sample: { ...sample, bytes: answers * 64, sentLate: 0 },
    seen: seen(work, opened, answers),
    busy: { generator: subject < 2 ? 0.97 : 0.5, backends: 0.25 },
  };
}

export function experiment(): Experiment {
  const slices: Slice[] = [];
  for (let block = 0; block <= plan.blocks; block += 1) {
    for (const work of works) {
      for (const subject of [0, 1, 2]) slices.push(slice(subject, work, block, slices.length));
    }
  }
  const limits = works.map((work) => slice(0, work, -1, 0));
  return { slices, limits, endedBy: "plan" };
}

/** What is left of it when it ends after so many blocks. */
export function cutAfter(blocks: number, endedBy: Experiment["endedBy"] = "signal"): Experiment {
  const whole = experiment();
  return { ...whole, slices: whole.slices.filter(({ block }) => block <= blocks), endedBy };
}

/** Changes one slice of an experiment. */
export function withSlice(
  { slices, ...rest }: Experiment,
  which: (slice: Slice) => boolean,
  change: (slice: Slice) => Slice,
): Experiment {
  const at = slices.findIndex(which);
  return { ...rest, slices: slices.map((one, index) => (index === at ? change(one) : one)) };
}

const services: readonly MeasuredService[] = [
  {
    protocol: "tcp",
    servicePort: "default/web:http",
    address: "10.96.0.10:80",
    endpoints: [1, 2, 3].map((n) => ({ endpoint: `10.244.0.${n}:8080`, standIn: `127.10.100.10${n}:8080` })),
  },
  {
    protocol: "udp",
    servicePort: "kube-system/dns:dns",
    address: "10.96.0.2:53",
    endpoints: [1, 2].map((n) => ({ endpoint: `10.244.1.${n}:53`, standIn: `127.11.100.10${n}:53` })),
  },
];

export const environment: Environment = {
  startedAt: "2026-01-02T03:04:05.000Z",
  sluiceVersion: "0.1.0",
  gitCommit: null,
  commandLine: ["sluice", "bench"],
  nodeVersion: "v20.20.2",
  engine: "node",
  system: "Linux 6.1.0 x64",
  cpuModel: "Example CPU",
  cpuGovernor: null,
  versions: { libuv: "1.46.0" },
  sysctls: { "net.core.somaxconn": "4096", "net.netfilter.nf_conntrack_max": null },
  processors: quantity(2, "1"),
  memoryTotal: quantity(4096, "MiB"),
  memoryFree: quantity(2048, "MiB"),
  loadAverageBefore: quantity(0.5, "1"),
  loadAverageAfter: quantity(1.5, "1"),
  stolenTime: quantity(0.021, "1"),
};

export function summarized(given: Partial<SummaryInput> = {}): Promise<BenchResult> {
  return summarize({
    plan,
    budgetMs: 80_000,
    precision: 0.02,
    experiment: experiment(),
    subjects: [
      { what: "the client goes to the endpoints by itself", promiseOf: () => ({ kind: "none" }) },
      { what: "the same once more", promiseOf: () => ({ kind: "none" }) },
      { what: "mode ipvs, scheduler rr", promiseOf: () => ({ kind: "exact" }) },
    ],
    services: [
      { service: services[0]!, backends: [0, 1, 2] },
      { service: services[1]!, backends: [3, 4] },
    ],
    environment,
    notes: ["Traffic stays on this host."],
    estimate: (requests) => Promise.resolve(requests.map(({ values, seed }) => geometricMeanInterval(values, seed))),
    ...given,
  });
}
