/** The front door, in the order of the flow: cluster → model → modes → dataplane. */
export { type ErrorCode, type ErrorDetails, isSluiceError, SluiceError } from "./core/errors.ts";
