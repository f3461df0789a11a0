/** What one echo backend saw since it was started. */
export interface BackendCount {
  readonly connections: number;
  /** Different client addresses (address and port) that datagrams came from, told apart within one slice. */
  readonly flows: number;
  /** Whole messages. */
  readonly requests: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

const FIELDS = ["connections", "flows", "requests", "bytesIn", "bytesOut"] as const satisfies (keyof BackendCount)[];

/** The counts of all backends of one thread. Doubles, since bytes pass 2³². */
export type BackendCounters = Float64Array;

export function createBackendCounters(backends: number): BackendCounters {
  return new Float64Array(backends * FIELDS.length);
}

export function readBackendCounts(counters: BackendCounters): BackendCount[] {
  const count = counters.length / FIELDS.length;
  return Array.from({ length: count }, (_, backend) => {
    const [connections, flows, requests, bytesIn, bytesOut] = counters.subarray(backend * FIELDS.length);
    return { connections: connections!, flows: flows!, requests: requests!, bytesIn: bytesIn!, bytesOut: bytesOut! };
  });
}

export function addToCount(
  counters: BackendCounters,
  backend: number,
  field: keyof BackendCount,
  amount: number,
): void {
  counters[backend * FIELDS.length + FIELDS.indexOf(field)]! += amount;
}

/** What was seen between two readings. */
export function countsSince(before: readonly BackendCount[], after: readonly BackendCount[]): BackendCount[] {
  return after.map((now, backend) => {
    const then = before[backend]!;
    return {
      connections: now.connections - then.connections,
      flows: now.flows - then.flows,
      requests: now.requests - then.requests,
      bytesIn: now.bytesIn - then.bytesIn,
      bytesOut: now.bytesOut - then.bytesOut,
    };
  });
}
