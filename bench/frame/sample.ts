import { getHeapStatistics } from "node:v8";
import { collectGarbage } from "../../test/support/allocation.ts";

/** What one process found out about one case. */
export interface Measured {
  /** In the median of its samples. */
  readonly nsPerOperation: number;
  /** Processor time of all threads of the process; what else the machine does disturbs it less. Not all ways tell it. */
  readonly processorNsPerOperation: number | undefined;
}

/** Until the engine has compiled what it will. */
const WARM_UP_MS = 150;
/** A sample is so long that the clock's grain does not show. */
const SAMPLE_MS = 15;
const SAMPLES = 15;
/** Slow operations get fewer samples, not more time. */
const FEWEST_SAMPLES = 3;
const ENOUGH_MS = 400;
/** So many operations between two looks at the heap fill no young generation, even at 100 bytes each. */
const HEAP_STRIDE = 65_536;

/** Runs until it is warm, then takes the median of several samples. */
export async function timeRuns(run: () => number): Promise<Measured> {
  runFor(run, WARM_UP_MS);
  const cpuBefore = process.cpuUsage();
  const samples: number[] = [];
  let [elapsedMs, operations] = [0, 0];
  while (samples.length < SAMPLES && (samples.length < FEWEST_SAMPLES || elapsedMs < ENOUGH_MS)) {
    const sample = runFor(run, SAMPLE_MS);
    samples.push((sample.elapsedMs * 1e6) / sample.operations);
    elapsedMs += sample.elapsedMs;
    operations += sample.operations;
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return { nsPerOperation: median(samples), processorNsPerOperation: ((user + system) * 1e3) / operations };
}

function runFor(run: () => number, leastMs: number): { elapsedMs: number; operations: number } {
  const start = performance.now();
  let [elapsedMs, operations] = [0, 0];
  while (elapsedMs < leastMs) {
    operations += run();
    elapsedMs = performance.now() - start;
  }
  return { elapsedMs, operations };
}

/**
 * How many bytes of heap an operation allocates, in the mean over at least so many. Reading the heap shows itself with
 * some 600 bytes a stride, 0.01 an operation.
 */
export function bytesPerOperation(run: () => number, operations: number): number {
  let [done, bytes] = [0, 0];
  while (done < operations) {
    collectGarbage();
    const before = getHeapStatistics().used_heap_size;
    for (let stride = 0; stride < HEAP_STRIDE;) {
      const count = run();
      stride += count;
      done += count;
    }
    bytes += getHeapStatistics().used_heap_size - before;
  }
  return bytes / done;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1]!, sorted[sorted.length >> 1]!];
  return (low + high) / 2;
}
