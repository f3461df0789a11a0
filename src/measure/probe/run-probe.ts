import { systemClock } from "../../core/clock.ts";
import type { LoadTarget } from "../load/task.ts";
import type { Asked, Connecting, ProbeSample, ProbeTask } from "./probe.ts";
import { openTalk, type Talk } from "./talk.ts";

export interface RunningProbe {
  aim(targets: readonly LoadTarget[]): void;
  stop(): void;
  readonly ended: Promise<ProbeSample>;
}

/** Timers are no finer. */
const TICK_MS = 1;

/** Starts asking in this thread. */
export function startProbe({ targets, timeoutMs, loop }: ProbeTask): RunningProbe {
  const sample: Record<Connecting, Asked[]> = { fresh: [], kept: [] };
  let aimed = targets;
  let connections = 0;
  let number = 0;
  let open = 0;
  let stopped = false;
  let resolveEnded!: (sample: ProbeSample) => void;
  const ended = new Promise<ProbeSample>((resolve) => (resolveEnded = resolve));
  const talks = new Map<number, Talk>();

  const nextTarget = (): LoadTarget => aimed[connections++ % aimed.length]!;
  const settle = (): void => {
    if (!stopped || open > 0) return;
    for (const talk of talks.values()) talk.close();
    resolveEnded(sample);
  };
  const done = (how: Connecting, then: () => void) => (asked: Asked) => {
    sample[how].push(asked);
    open -= 1;
    then();
    settle();
  };
  const askFresh = (dueMs: number, source: string | undefined, then: () => void): void => {
    open += 1;
    const talk = openTalk(nextTarget(), source);
    const close = (): void => {
      talk.close();
      then();
    };
    talk.ask((number += 1), dueMs, timeoutMs, done("fresh", close));
  };
  const askKept = (lane: number, dueMs: number, then: () => void): void => {
    open += 1;
    let talk = talks.get(lane);
    if (talk === undefined || talk.ended) talks.set(lane, (talk = openTalk(nextTarget())));
    talk.ask((number += 1), dueMs, timeoutMs, done("kept", then));
  };
  const loopStops =
    loop.kind === "open"
      ? runOpen(loop, timeoutMs, { askFresh, askKept, expired: (asked) => sample.kept.push(asked) })
      : runClosed(loop, { askFresh, askKept, over: () => stop() });
  const stop = (): void => {
    stopped = true;
    loopStops();
    settle();
  };
  return { aim: (next) => (aimed = next), stop, ended };
}

interface Asking {
  askFresh(dueMs: number, source: string | undefined, then: () => void): void;
  askKept(lane: number, dueMs: number, then: () => void): void;
}

/** Each tick sends what has come due; one kept connection after the other takes a request. @returns what stops it. */
function runOpen(
  { ratePerSecond, lanes }: ProbeTask["loop"] & { kind: "open" },
  timeoutMs: number,
  { askFresh, askKept, expired }: Asking & { expired(asked: Asked): void },
): () => void {
  const startedMs = systemClock.nowMs();
  const waiting = Array.from({ length: lanes }, () => [] as number[]);
  const busy = new Set<number>();
  let due = 0;
  const serve = (lane: number): void => {
    const dueMs = waiting[lane]!.shift();
    // What was due before the end is asked, too: it would be missing among those that waited longest.
    if (dueMs === undefined) return void busy.delete(lane);
    busy.add(lane);
    const nowMs = systemClock.nowMs();
    if (nowMs - dueMs < timeoutMs) return askKept(lane, dueMs, () => serve(lane));
    expired({ dueMs, endedMs: nowMs, outcome: "timedOut", endpoint: undefined, source: undefined });
    serve(lane);
  };
  const ticking = setInterval(() => {
    for (;;) {
      const dueMs = startedMs + (due * 1000) / ratePerSecond;
      if (dueMs > systemClock.nowMs()) return;
      askFresh(dueMs, undefined, () => {});
      const lane = due % lanes;
      waiting[lane]!.push(dueMs);
      if (!busy.has(lane)) serve(lane);
      due += 1;
    }
  }, TICK_MS);
  return () => clearInterval(ticking);
}

/** @returns what stops it. */
function runClosed(
  { connecting: how, lanes, requests, sources }: ProbeTask["loop"] & { kind: "closed" },
  { askFresh, askKept, over }: Asking & { over(): void },
): () => void {
  let asked = 0;
  let left = lanes;
  let stopped = false;
  const next = (lane: number): void => {
    if (stopped || asked >= requests) {
      left -= 1;
      // The others may still be asking.
      if (left === 0 && !stopped) setImmediate(over);
      return;
    }
    const nowMs = systemClock.nowMs();
    const source = sources.length === 0 ? undefined : sources[asked % sources.length];
    asked += 1;
    if (how === "kept") askKept(lane, nowMs, () => next(lane));
    else askFresh(nowMs, source, () => next(lane));
  };
  setImmediate(() => {
    for (let lane = 0; lane < lanes; lane += 1) next(lane);
  });
  return () => (stopped = true);
}
