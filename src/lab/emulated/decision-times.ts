import { seededRandom } from "../../core/random.ts";
import { shuffled } from "../../measure/schedule.ts";
import { timeBatch } from "../emulated-cost.ts";
import { prepareDecisions } from "./decisions.ts";
import { flowFrom, type SweepRequest } from "./sweep.ts";

export interface DecisionTimesRequest {
  readonly sweeps: readonly SweepRequest[];
  /** Batches of each that count; one more goes before them, for code that was never run. */
  readonly blocks: number;
  /** Of the order. */
  readonly seed: number;
}

/** So many clients take turns: more than processors' caches would remember by themselves. */
const CLIENTS = 1024;

/**
 * Times decisions on first packets: in each block a batch of each program, in an order drawn anew, all in this thread.
 *
 * @returns nanoseconds a decision, a list a program with one value a block.
 */
export function timeDecisions({ sweeps, blocks, seed }: DecisionTimesRequest): number[][] {
  const random = seededRandom(seed);
  const prepared = sweeps.map((sweep) => {
    const flows = Array.from({ length: CLIENTS }, (_, at) => flowFrom(sweep, random, 1024 + at));
    return { decide: prepareDecisions(sweep.program, sweep.plan, flows, sweep.seed), ns: [] as number[] };
  });
  for (let block = 0; block <= blocks; block += 1) {
    for (const { decide, ns } of shuffled(prepared, random)) {
      const tookNs = timeBatch(decide);
      if (block > 0) ns.push(tookNs);
    }
  }
  return prepared.map(({ ns }) => ns);
}
