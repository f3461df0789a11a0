import { type Protocol, TCP, UDP } from "../net/flow.ts";

/**
 * The works of a benchmark. All are closed loops: `concurrency` lanes, each with one request on its way, each sending
 * the next one when the answer is there and right. A closed loop measures what a subject can do at that concurrency;
 * it does not measure waiting times under a load that comes from outside whatever the subject does.
 */
export const workNames = [
  "tcp-connect-request-close",
  "tcp-request-response",
  "tcp-bulk",
  "udp-request-response",
] as const;
export type WorkName = (typeof workNames)[number];

export interface Work {
  readonly name: WorkName;
  readonly proto: Protocol;
  /** Lanes; each has at most one connection or flow open, and one request on its way. */
  readonly concurrency: number;
  /** What the rate counts. */
  readonly operation: "connection" | "request" | "byte";
  /** One sentence for a reader of the result. */
  readonly what: string;
}

/** Requests that one UDP flow (one client address and port) sends before a new flow takes its place. */
export const REQUESTS_PER_UDP_FLOW = 128;

const catalogue: Readonly<Record<WorkName, Work>> = {
  "tcp-connect-request-close": {
    name: "tcp-connect-request-close",
    proto: TCP,
    // Fewer lanes than most services have endpoints, so that a scheduler that looks at open connections shows itself.
    concurrency: 4,
    operation: "connection",
    what: "connect, send one request, read the answer, close; latency from connect to the whole answer",
  },
  "tcp-request-response": {
    name: "tcp-request-response",
    proto: TCP,
    concurrency: 16,
    operation: "request",
    what: "one request after the other on connections that stay open; connecting is not timed",
  },
  "tcp-bulk": {
    name: "tcp-bulk",
    proto: TCP,
    concurrency: 2,
    operation: "byte",
    what: "endpoints stream to the client as fast as it reads; every byte is compared; connecting is not timed",
  },
  "udp-request-response": {
    name: "udp-request-response",
    proto: UDP,
    concurrency: 8,
    operation: "request",
    what: `one datagram after the other, a new client address and port every ${REQUESTS_PER_UDP_FLOW} requests`,
  },
};

export function workOf(name: WorkName): Work {
  return catalogue[name];
}
