import type { EndpointProcess, EndpointProcesses } from "./endpoint-processes.ts";
import type { ShownEndpoint } from "./shown-cluster.ts";

/** What a scenario acts on. */
export interface Theatre {
  /** The endpoints that serve, all of them ready; a roll-out leaves others in their place. */
  readonly endpoints: EndpointProcess[];
  readonly processes: Pick<EndpointProcesses, "start">;
  /** Waits. @throws what ends a trial that is stopped. */
  wait(ms: number): Promise<void>;
  /** The cluster shows these endpoints, and the subject has carried it out. */
  show(endpoints: readonly ShownEndpoint[]): Promise<void>;
  /** Something happens now; what comes until the next event is its doing. @param back an endpoint that returns. */
  happens(event: EventName, back?: EndpointProcess): void;
}

/** How long until the cluster knows that an endpoint is gone or back, in milliseconds: shorter than a kubelet takes. */
const LEARN_MS = 200;
/** How long until an EndpointSlice has come to the node, in milliseconds. */
const TRAVEL_MS = 50;
/** How long an endpoint goes on serving when it is told to end, where it has a preStop hook: longer than TRAVEL_MS. */
const PRE_STOP_MS = 150;
/** Between what has been learned and what happens next, in milliseconds: longer than a request's time-out. */
const CALM_MS = 450;

export const events = {
  nothing: "nothing happens",
  dies: "an endpoint's process is killed; the cluster knows after 200 ms",
  returns: "it listens again at the same address; the cluster knows after 200 ms",
  freezes:
    "an endpoint's process stands still (SIGSTOP): its kernel takes connections, nobody answers; the cluster knows after 200 ms",
  thaws: "it goes on; the cluster knows after 200 ms",
  "roll-out":
    "every endpoint is replaced, one by one: a new one is ready, the old one is terminating and gets SIGTERM at once, while the news takes 50 ms to the node",
  "roll-out-pre-stop": "the same with endpoints that go on serving for 150 ms before they end, as with a preStop hook",
} as const;
export type EventName = keyof typeof events;
export const eventNames = Object.keys(events) as readonly EventName[];

/** A story with one or more events. */
export const scenarios: readonly ((theatre: Theatre) => Promise<void>)[] = [
  diesAndReturns,
  freezesAndThaws,
  (theatre) => rollsOut(theatre, "roll-out", 0),
  (theatre) => rollsOut(theatre, "roll-out-pre-stop", PRE_STOP_MS),
];

/** The control: with nothing done to anybody, no request may fail. */
async function calm({ happens, wait }: Theatre): Promise<void> {
  happens("nothing");
  await wait(CALM_MS);
}

async function diesAndReturns(theatre: Theatre): Promise<void> {
  const { endpoints, wait, show, happens } = theatre;
  const victim = endpoints[0]!;
  await calm(theatre);
  happens("dies");
  await victim.kill();
  await wait(LEARN_MS);
  await show(others(endpoints, victim));
  await wait(CALM_MS);
  await victim.restart();
  happens("returns", victim);
  await wait(LEARN_MS);
  await show(all(endpoints));
  await wait(CALM_MS);
}

async function freezesAndThaws(theatre: Theatre): Promise<void> {
  const { endpoints, wait, show, happens } = theatre;
  const victim = endpoints[0]!;
  await calm(theatre);
  happens("freezes");
  victim.freeze();
  try {
    await wait(LEARN_MS);
    await show(others(endpoints, victim));
    await wait(CALM_MS);
    happens("thaws", victim);
  } finally {
    victim.thaw();
  }
  await wait(LEARN_MS);
  await show(all(endpoints));
  await wait(CALM_MS);
}

async function rollsOut(theatre: Theatre, event: EventName, preStopMs: number): Promise<void> {
  const { endpoints, processes, wait, show, happens } = theatre;
  happens(event);
  const ending: Promise<void>[] = [];
  try {
    for (const [at, old] of endpoints.entries()) {
      const fresh = await processes.start();
      const stays = endpoints.filter((one) => one !== old);
      endpoints[at] = fresh;
      await wait(TRAVEL_MS);
      await show([...all(stays), { process: fresh }, { process: old }]);
      ending.push(endAfter(theatre, old, preStopMs));
      await wait(TRAVEL_MS);
      await show([...all(stays), { process: fresh }, { process: old, terminating: true }]);
      await ending.at(-1);
      await wait(TRAVEL_MS);
      await show(all(endpoints));
    }
  } finally {
    await Promise.allSettled(ending);
  }
  await wait(CALM_MS);
}

async function endAfter({ wait }: Theatre, old: EndpointProcess, preStopMs: number): Promise<void> {
  try {
    await wait(preStopMs);
  } finally {
    await old.terminate();
  }
}

function all(endpoints: readonly EndpointProcess[]): ShownEndpoint[] {
  return endpoints.map((process) => ({ process }));
}

function others(endpoints: readonly EndpointProcess[], gone: EndpointProcess): ShownEndpoint[] {
  return all(endpoints.filter((one) => one !== gone));
}
