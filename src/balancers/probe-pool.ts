/** Answers of backends to probes, oldest first, at most one a slot, in shared state. */
export interface ProbePool {
  count(): number;
  /** @param probe 0…count − 1, as in all that follow. */
  slotOf(probe: number): number;
  inFlightOf(probe: number): number;
  latencyMsOf(probe: number): number;
  receivedMsOf(probe: number): number;
  /** Puts an answer in, in place of the slot's last one, or if the pool is full of the oldest. O(size). */
  put(slot: number, inFlight: number, latencyMs: number, nowMs: number, uses: number): void;
  /** Counts one more request in flight, and one use less; the last use takes it out. O(size). */
  use(probe: number): void;
  /** O(size). */
  drop(probe: number): void;
  /** Takes a slot's answer out, if it is there. O(size). */
  forget(slot: number): void;
}

/** Two words in front: the count, and one unused. Then five doubles a probe. */
const HEADER = 2;
const SLOT = 0;
const IN_FLIGHT = 1;
const LATENCY = 2;
const RECEIVED = 3;
const USES = 4;
const FIELDS = 5;

/** @param size how many answers it holds at most. */
export function probePoolWords(size: number): number {
  return HEADER + 2 * FIELDS * size;
}

/** @param state begins on a multiple of 8 bytes. */
export function probePool(state: Int32Array, size: number): ProbePool {
  const doubles = new Float64Array(state.buffer, state.byteOffset + HEADER * 4, FIELDS * size);
  const at = (probe: number, field: number): number => FIELDS * probe + field;
  const drop = (probe: number): void => {
    doubles.copyWithin(FIELDS * probe, FIELDS * (probe + 1), FIELDS * state[0]!);
    state[0]! -= 1;
  };
  const forget = (slot: number): void => {
    for (let probe = state[0]! - 1; probe >= 0; probe -= 1) if (doubles[at(probe, SLOT)] === slot) drop(probe);
  };
  return {
    count: () => state[0]!,
    slotOf: (probe) => doubles[at(probe, SLOT)]!,
    inFlightOf: (probe) => doubles[at(probe, IN_FLIGHT)]!,
    latencyMsOf: (probe) => doubles[at(probe, LATENCY)]!,
    receivedMsOf: (probe) => doubles[at(probe, RECEIVED)]!,
    put(slot, inFlight, latencyMs, nowMs, uses) {
      forget(slot);
      if (state[0] === size) drop(0);
      const probe = state[0]!;
      doubles[at(probe, SLOT)] = slot;
      doubles[at(probe, IN_FLIGHT)] = inFlight;
      doubles[at(probe, LATENCY)] = latencyMs;
      doubles[at(probe, RECEIVED)] = nowMs;
      doubles[at(probe, USES)] = uses;
      state[0] = probe + 1;
    },
    use(probe) {
      doubles[at(probe, IN_FLIGHT)]! += 1;
      doubles[at(probe, USES)]! -= 1;
      if (doubles[at(probe, USES)]! < 1) drop(probe);
    },
    drop,
    forget,
  };
}
