import { systemClock } from "../../core/clock.ts";
import { type EventFigures, eventFigures, type EventWindow } from "../../measure/faults/event-figures.ts";
import { type Connecting, connecting, type Prober, type ProbeSample } from "../../measure/probe/probe.ts";
import type { ChangingSubject } from "./changing-subject.ts";
import type { EndpointProcess } from "./endpoint-processes.ts";
import type { EventName, Theatre } from "./scenarios.ts";

/** One event in one trial. */
export interface EventOutcome {
  readonly event: EventName;
  readonly figures: Readonly<Record<Connecting, EventFigures>>;
}

/** Requests a second of each way of connecting: each 4 ms one shows whether it still fails. */
export const RATE_PER_SECOND = 250;
/** Kept connections. */
export const KEPT_LANES = 16;
/** A request that takes longer has failed, in milliseconds. */
export const TIMEOUT_MS = 400;
/** Until the first requests are under way, in milliseconds. */
const SETTLE_MS = 100;

/** A trial was stopped. */
class Stopped extends Error {}

/**
 * Plays one scenario with a client that asks all the while.
 *
 * @param signal stops it.
 * @returns undefined where it was stopped.
 */
export async function playTrial(
  scenario: (theatre: Theatre) => Promise<void>,
  subject: ChangingSubject,
  { prober, ...stage }: Pick<Theatre, "endpoints" | "processes"> & { readonly prober: Prober },
  signal: AbortSignal,
): Promise<readonly EventOutcome[] | undefined> {
  const marks: { readonly event: EventName; readonly atMs: number; readonly back: EndpointProcess | undefined }[] = [];
  await subject.show(stage.endpoints.map((process) => ({ process })));
  const loop = { kind: "open", ratePerSecond: RATE_PER_SECOND, lanes: KEPT_LANES } as const;
  const asking = prober.run({ targets: subject.targets(), timeoutMs: TIMEOUT_MS, loop });
  const wait = (ms: number): Promise<void> => waitOrStop(ms, signal);
  try {
    await wait(SETTLE_MS);
    await scenario({
      ...stage,
      wait,
      show: (endpoints) => subject.show(endpoints),
      happens: (event, back) => marks.push({ event, atMs: systemClock.nowMs(), back }),
    });
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    return undefined;
  } finally {
    prober.stop();
    await asking;
  }
  return outcomesOf(marks, await asking);
}

function outcomesOf(
  marks: readonly { readonly event: EventName; readonly atMs: number; readonly back: EndpointProcess | undefined }[],
  sample: ProbeSample,
): EventOutcome[] {
  return marks.map(({ event, atMs, back }, at) => {
    const window: EventWindow = { fromMs: atMs, untilMs: marks[at + 1]?.atMs ?? Infinity, back: back?.number };
    const [fresh, kept] = connecting.map((how) => eventFigures(sample[how], window));
    return { event, figures: { fresh: fresh!, kept: kept! } };
  });
}

function waitOrStop(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      takeBack();
      reject(new Stopped());
    };
    const takeBack = systemClock.after(ms, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
