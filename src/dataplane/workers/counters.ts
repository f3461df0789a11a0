/** What a worker counts, in the order of its memory; the engine in C has the same list. */
export const counterNames = [
  /** TCP connections accepted. */
  "accepted",
  /** Connections for which there were no descriptors, memory or local ports; where accepting rests then, each rest. */
  "acceptFailures",
  /** TCP connections that are open now. */
  "active",
  /** Connections and datagrams that the program rejected. */
  "rejected",
  /** Connections and datagrams that the program dropped. */
  "dropped",
  /** Endpoints that refused, or did not answer in time; each try counts. */
  "refused",
  /** Connections that ended by a reset of either side. */
  "resets",
  /** Payload of TCP. */
  "bytesToEndpoints",
  "bytesToClients",
  /** UDP flows made. */
  "udpFlows",
  /** UDP flows that live now. */
  "udpActive",
  /** UDP flows that had to go because the table was full. */
  "udpEvicted",
  "datagramsToEndpoints",
  "datagramsToClients",
  /** Datagrams cut to the buffer of the userspace mode. */
  "datagramsCut",
  /** Datagrams thrown away: too many wait for the socket, or it refused them. */
  "datagramsLost",
  /** System calls that the host would not make together (io_uring), and that were made one by one. */
  "callsRefused",
] as const;

/** Counters that tell how many there are now: they fall again, and the death of a worker takes them to 0. */
const gauges: readonly CounterName[] = ["active", "udpActive"];

export type CounterName = (typeof counterNames)[number];
export type Counters = Readonly<Record<CounterName, number>>;

/** The counters of one worker, which alone writes them; the control thread reads along, without a message. */
export interface Tally {
  add(name: CounterName, amount?: number): void;
}

const indexOf = Object.freeze(Object.fromEntries(counterNames.map((name, at) => [name, at]))) as Readonly<
  Record<CounterName, number>
>;

/** Makes the memory of a worker's counters, all 0. It outlives the thread, so that nothing counted is lost with it. */
export function createCounterMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(counterNames.length * Float64Array.BYTES_PER_ELEMENT);
}

export function viewTally(memory: SharedArrayBuffer): Tally {
  const values = new Float64Array(memory);
  return {
    add(name, amount = 1) {
      values[indexOf[name]]! += amount;
    },
  };
}

/** Takes what a dead worker had open out of its counters. @returns how many TCP connections that were. */
export function buryGauges(memory: SharedArrayBuffer): number {
  const values = new Float64Array(memory);
  const lost = values[indexOf.active]!;
  for (const name of gauges) values[indexOf[name]] = 0;
  return lost;
}

/** The sums over workers. */
export function sumCounters(memories: readonly SharedArrayBuffer[]): Counters {
  const views = memories.map((memory) => new Float64Array(memory));
  const sum = (at: number): number => views.reduce((total, values) => total + values[at]!, 0);
  return Object.fromEntries(counterNames.map((name, at) => [name, sum(at)])) as Counters;
}
