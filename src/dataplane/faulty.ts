import { SluiceError } from "../core/errors.ts";
import type { Dataplane } from "./dataplane.ts";

/**
 * How an apply goes wrong. `before`: nothing was carried out. `after`: it was carried out, but the caller hears of a
 * failure, as when the answer is lost. `stuck`: it does not end before the dataplane is closed, and then fails.
 */
export type Fault = "before" | "after" | "stuck";

/**
 * Wraps a dataplane, to show how whoever uses one takes its failures.
 *
 * @param faults which applies go wrong, counted from 1; all others pass to the dataplane within.
 */
export function createFaulty(inner: Dataplane, faults: ReadonlyMap<number, Fault>): Dataplane {
  let tellClosed = (): void => {};
  const closed = new Promise<void>((resolve) => {
    tellClosed = resolve;
  });
  let applies = 0;

  return {
    name: "faulty",
    async apply(program, plan) {
      applies += 1;
      const number = applies;
      const fault = faults.get(number);
      if (fault === "stuck") await closed;
      if (fault === undefined || fault === "after") await inner.apply(program, plan);
      if (fault === undefined) return;
      const what = `apply ${number} was to fail (${fault})`;
      throw new SluiceError("DATAPLANE_FAILED", `faulty: ${what}`, { dataplane: "faulty", what });
    },
    async close() {
      tellClosed();
      await inner.close();
    },
  };
}
