/** Results with the parts that only some plans have, made up. */
import type {
  BenchResult,
  EmulatedCell,
  Estimate,
  FaultCell,
  Quantity,
  ScalePoint,
  Unit,
} from "../../src/measure/result.ts";

function value(unit: Unit, number: number): Quantity {
  return { value: number, unit };
}

/** 10 % to each side. */
function around(unit: Unit, number: number): Estimate {
  return { value: number, interval: [number * 0.9, number * 1.1], unit };
}

function always(unit: Unit, number: number): Estimate {
  return { value: number, interval: null, unit, reason: "no-spread" };
}

/** Two subjects at three numbers of services: 1 ms for each thousand rules. */
export function scaled(small: BenchResult): BenchResult {
  const [work] = small.works;
  const like = small.cells.find(
    ({ subject, work: name }) => subject === "ipvs-rr" && name === "tcp-connect-request-close",
  )!;
  const sizes = [10, 1000, 30_000];
  const points = ["iptables@kernel", "nftables@kernel"].flatMap((name, place) =>
    sizes.map((services): ScalePoint => {
      return {
        subject: `${name}:${services}`,
        like: name,
        services: value("1", services),
        endpoints: value("1", 3 * services),
        rules: value("1", place === 0 ? services / 2 : 8),
        decision: around("ns", 800),
        fullSync: around("ms", 10 * services),
        fullBytes: value("B", 900 * services),
        changeSync: around("ms", 80),
        changeBytes: value("B", 700),
        memory: value("MiB", 60 + services / 50),
      };
    }),
  );
  const ratio: Estimate = { value: 3, interval: [2.8, 3.2], unit: "1" };
  const grown = {
    like: "iptables@kernel",
    work: work!.work,
    figure: "p50",
    ratio,
    same: false,
    grows: true,
    doubtful: false,
  } as const;
  const flat = { ...grown, like: "nftables@kernel", ratio: { ...ratio, value: 1, interval: [0.98, 1.02] as const } };
  const from = { value: 10, unit: "1" } as const;
  const grows = { ...grown, from, to: { ...from, value: 30_000 } };
  const stays = { ...flat, from, to: grows.to, same: true, grows: false };
  const growth = [grows, stays];
  const cells = points.map(({ subject }) => Object.assign({ ...like }, { subject, work: work!.work }));
  return {
    ...small,
    works: [{ ...work!, work: "tcp-connect" }],
    subjects: points.map(({ subject }) => Object.assign({ ...small.subjects[2]! }, { subject })),
    cells: cells.map((cell) => Object.assign(cell, { work: "tcp-connect" })),
    scale: { points, growth },
  };
}

/** Two events. With fresh connections the reference loses 3 requests for 400 ms, the subject 6 for 800; with kept ones none. */
export function faulted(small: BenchResult): BenchResult {
  const cells = ["a backend dies", "a backend returns"].flatMap((event) =>
    (["fresh", "kept"] as const).flatMap((connections) =>
      ["direct", "ipvs-rr"].map((subject, place): FaultCell => {
        const lost = connections === "fresh" ? 3 * (place + 1) : 0;
        return {
          event,
          subject,
          connections,
          asked: value("1", 4000),
          failed: lost === 0 ? always("1", 0) : around("1", lost),
          lastFailure: lost === 0 ? always("ms", 0) : around("ms", 400 * (place + 1)),
          firstAnswer: around("ms", 20),
          backAfter:
            event === "a backend returns"
              ? around("ms", 150)
              : { value: null, interval: null, unit: "ms", reason: "not-applicable" },
          errors: {
            refused: value("1", 5 * lost),
            dropped: value("1", 0),
            timedOut: value("1", 0),
            wrong: value("1", 0),
          },
          trials: {
            failed: { values: Array(5).fill(lost), unit: "1" },
            lastFailure: { values: Array(5).fill(lost * 130), unit: "ms" },
          },
        };
      }),
    ),
  );
  const events = [
    { event: "a backend dies", what: "an endpoint is killed" },
    { event: "a backend returns", what: "it is there again" },
  ];
  return { ...small, works: [], cells: [], services: [], faults: { method: ["Two clients ask."], events, cells } };
}

/** Two subjects, four endpoints, one of them slow: all in turn. @param off what the control finds of the slow one's share. */
export function shared(small: BenchResult, off = 0): BenchResult {
  const subjects = ["direct", "ipvs-rr"];
  const chance: Estimate = { value: 0.25, interval: [0.22, 0.28], unit: "1" };
  const slow = subjects.map((subject) => ({
    subject,
    slowShare: around("1", 0.25),
    chance,
    rate: around("1/s", 800),
    median: value("us", 2100),
    p99: value("us", 21_000),
    counts: { values: [100, 100, 100, 100], unit: "1" } as const,
  }));
  const changes = (["added", "removed"] as const).flatMap((change) =>
    subjects.map((subject) => {
      return { subject, change, moved: around("1", 0.6), least: value("1", 0.2), chance: { ...chance, value: 0.8 } };
    }),
  );
  const reach = [off - 0.02, off + 0.02] as const;
  const figures = (["slow-share", "rate", "moved-when-added", "moved-when-removed"] as const).map((figure) =>
    figure === "slow-share"
      ? { figure, difference: { value: off, interval: reach, unit: "1" as const }, holdsZero: Math.abs(off) <= 0.02 }
      : { figure, difference: always("1", 0), holdsZero: true },
  );
  const control = { reference: "ipvs-rr", again: "ipvs-rr-again", figures, differs: Math.abs(off) > 0.02 };
  return { ...small, sharing: { method: ["Five blocks."], slow, changes, control } };
}

/** Two modes in the emulator, at one service of three endpoints. @param ratio of the control, known to 3 %. */
export function emulated(small: BenchResult, ratio = 1): BenchResult {
  const subjects = ["iptables@emulated", "nftables@emulated"];
  const cells = subjects.map((subject, place): EmulatedCell => ({
    subject,
    servicePort: "default/web:http",
    protocol: "tcp",
    flows: value("1", 3000),
    lost: value("1", 0),
    rules: place === 0 ? around("1", 12) : always("1", 8),
    decision: around("ns", place === 0 ? 900 : 500),
    counts: { values: [990, 1000, 1010], unit: "1" },
    shares: { values: [0.33, 1 / 3, 0.33666], unit: "1" },
    shareError: around("1", 0.02),
    promise: { kind: "uniform-random" },
    check: {
      outcome: "kept",
      worst: { value: null, unit: "1", reason: "not-applicable" },
      allowed: { value: null, unit: "1", reason: "not-applicable" },
      chance: value("1", 0.9),
      slices: value("1", 12),
    },
    blocks: {
      rules: { values: [12], unit: "1" },
      decision: { values: [900], unit: "ns" },
      shareError: { values: [0.02], unit: "1" },
    },
  }));
  const described = subjects.map((subject) => ({ subject, what: "in the emulator: packets in memory, no traffic" }));
  const control = {
    servicePort: "default/web:http",
    reference: "iptables@emulated",
    again: "iptables@emulated-again",
    ratio: { value: ratio, interval: [ratio * 0.97, ratio * 1.03], unit: "1" },
    holdsOne: Math.abs(ratio - 1) < 0.03,
  } as const;
  return { ...small, emulated: { method: ["No traffic."], subjects: described, cells, controls: [control] } };
}
