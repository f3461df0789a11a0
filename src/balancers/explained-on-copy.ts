import type { Balancer } from "./balancer.ts";

/**
 * A balancer that explains itself on a copy of its state, where it may do what a pick does first: bring a table up to
 * date, forget what has expired.
 *
 * @param over lays it over a state.
 */
export function explainedOnCopy<B extends Pick<Balancer, "explain">>(
  state: Int32Array,
  over: (state: Int32Array) => B,
): B {
  return { ...over(state), explain: (flow, nowMs) => over(state.slice()).explain(flow, nowMs) };
}
