import { type Protocol, TCP, UDP } from "../net/flow.ts";

/** What a lane does, over and over. */
export const workKinds = [
  "tcp-connect-request-close",
  "tcp-request-response",
  "tcp-bulk",
  "udp-request-response",
  "tcp-connect",
  "udp-first-datagram",
] as const;
export type WorkKind = (typeof workKinds)[number];

/**
 * A work of a benchmark. A kind alone is a closed loop: `concurrency` lanes, each with one request on its way, each
 * sending the next one when the answer is there and right. It measures what a subject can do at that concurrency; it does
 * not measure waiting times under a load that comes from outside whatever the subject does.
 *
 * With `@` and a rate it is an open loop: so many requests are due a second, evenly spaced, whatever the subject does,
 * and latency counts from the moment at which a request was due. A subject that stalls delays all that were due
 * meanwhile, and each of them says so: there is no coordinated omission.
 */
export type WorkName = WorkKind | `${WorkKind}@${number}`;

export interface Work {
  readonly name: WorkName;
  readonly kind: WorkKind;
  readonly proto: Protocol;
  /** Lanes; each has at most one connection or flow open, and one request on its way. */
  readonly concurrency: number;
  /** What the rate counts. */
  readonly operation: "connection" | "request" | "byte";
  /** Requests due a second; undefined: a closed loop. */
  readonly ratePerSecond: number | undefined;
  /** One sentence for a reader of the result. */
  readonly what: string;
}

/** Requests that one UDP flow (one client address and port) sends before a new flow takes its place. */
const REQUESTS_PER_UDP_FLOW = 128;
/** How many requests a UDP flow of such a work sends. */
export function requestsPerFlow(name: WorkName): number {
  return workOf(name).kind === "udp-first-datagram" ? 1 : REQUESTS_PER_UDP_FLOW;
}

/** The most that an open loop can be asked for. */
const MOST_PER_SECOND = 1_000_000;
/**
 * Lanes of an open loop: enough that a stall does not use them all up at once at the rates one host can do, so that what
 * is due goes out on time; what finds none free waits, and its waiting counts.
 */
const OPEN_LOOP_LANES = 32;

const catalogue: Readonly<Record<WorkKind, Omit<Work, "name" | "kind" | "ratePerSecond">>> = {
  "tcp-connect-request-close": {
    proto: TCP,
    // Fewer lanes than most services have endpoints, so that a scheduler that looks at open connections shows itself.
    concurrency: 4,
    operation: "connection",
    what: "connect, send one request, read the answer, close; latency from connect to the whole answer",
  },
  "tcp-request-response": {
    proto: TCP,
    concurrency: 16,
    operation: "request",
    what: "one request after the other on connections that stay open; connecting is not timed",
  },
  "tcp-bulk": {
    proto: TCP,
    concurrency: 2,
    operation: "byte",
    what: "endpoints stream to the client as fast as it reads; every byte is compared; connecting is not timed",
  },
  "udp-request-response": {
    proto: UDP,
    concurrency: 8,
    operation: "request",
    what: `one datagram after the other, a new client address and port every ${REQUESTS_PER_UDP_FLOW} requests`,
  },
  "tcp-connect": {
    proto: TCP,
    // Whatever else is on its way would wait in our own threads, and its waiting would look like the first packet's.
    concurrency: 1,
    operation: "connection",
    what: "first packets: latency from connect until the connection stands; then one request, its answer, and close",
  },
  "udp-first-datagram": {
    proto: UDP,
    concurrency: 1,
    operation: "request",
    what: "first packets: every datagram comes from a new client port; latency from sending it to its answer",
  },
};

export function workOf(name: WorkName): Work {
  const [kind, rate] = name.split("@") as [WorkKind, string | undefined];
  const work = catalogue[kind];
  if (rate === undefined) return { ...work, name, kind, ratePerSecond: undefined };
  const what = `${work.what}; ${rate} a second are due, and latency counts from then`;
  return { ...work, name, kind, what, concurrency: OPEN_LOOP_LANES, ratePerSecond: Number(rate) };
}

/** @returns undefined unless the text is a kind, or a kind of single requests with `@` and a rate of 1…1,000,000 a second. */
export function readWorkName(text: string): WorkName | undefined {
  const [name, rate, ...more] = text.split("@");
  const kind = workKinds.find((known) => known === name);
  if (kind === undefined || more.length > 0) return undefined;
  if (rate === undefined) return kind;
  const isRate = /^[1-9]\d*$/.test(rate) && Number(rate) <= MOST_PER_SECOND;
  return isRate && catalogue[kind].operation !== "byte" ? `${kind}@${Number(rate)}` : undefined;
}
