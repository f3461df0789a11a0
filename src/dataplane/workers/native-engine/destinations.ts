import type { Addon, EngineHandle } from "../../../host/addon.ts";
import type { NewFlow } from "../engine.ts";
import { ADDR_WORDS, readAddr } from "./addr-words.ts";

/** The same flow with its original destination; of a connection that is gone already it stays unknown. */
export function withDestination(addon: Addon, engine: EngineHandle, flow: NewFlow): NewFlow {
  const words = new Uint32Array(ADDR_WORDS);
  return addon.destination(engine, flow.slot, words) < 0 ? flow : { ...flow, destination: readAddr(words, 0) };
}
