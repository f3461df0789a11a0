import { SluiceError } from "../../core/errors.ts";

/** A rule asks for something that no packet here can be held against. @param what names it. */
export function notEmulated(what: string): SluiceError<"DATAPLANE_FAILED"> {
  return new SluiceError("DATAPLANE_FAILED", `${what} is not emulated`, { dataplane: "emulated", what });
}
