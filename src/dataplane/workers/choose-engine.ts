import { SluiceError } from "../../core/errors.ts";
import { type Addon, loadAddon } from "../../host/addon.ts";

/** What moves the bytes: C behind Node-API, or Node's own sockets. */
export type EngineName = "native" | "node";

/** An engine that this host has. */
export type ChosenEngine = { readonly name: "native"; readonly addon: Addon } | { readonly name: "node" };

/**
 * @param wanted undefined: the one in C where it is built.
 * @throws {SluiceError} HOST_UNABLE when the one that is wanted cannot be had: another in its place would falsify what
 *   is measured.
 */
export function chooseEngine(wanted: EngineName | undefined, load: () => Addon | string = loadAddon): ChosenEngine {
  if (wanted === "node") return { name: "node" };
  const addon = load();
  if (typeof addon !== "string") return { name: "native", addon };
  if (wanted === undefined) return { name: "node" };
  throw new SluiceError("HOST_UNABLE", addon, { missing: addon });
}
