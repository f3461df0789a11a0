import { balancerInvalid } from "../core/errors.ts";
import { MAX_WEIGHT } from "./backend-set.ts";

/** A backend as the user of a balancer names it. */
export interface BackendSpec {
  /** Not empty, and no other backend's. */
  readonly id: string;
  /**
   * A whole number in 0…65535; 0 takes no new flow.
   * @default 1
   */
  readonly weight?: number;
}

/**
 * Checks a list of backends whole, before anything is done with it.
 *
 * @returns the weight of each id, in the order given.
 * @throws {SluiceError} BALANCER_INVALID, naming the field.
 */
export function readBackendSpecs(specs: readonly BackendSpec[]): ReadonlyMap<string, number> {
  if (!Array.isArray(specs)) throw balancerInvalid("backends", "a list of { id, weight? }", specs);
  const weights = new Map<string, number>();
  for (const [index, spec] of (specs as readonly BackendSpec[]).entries()) {
    const path = `backends[${index}]`;
    const { id, weight } = readBackendSpec(spec, path);
    if (weights.has(id)) throw balancerInvalid(`${path}.id`, "an id of its own", id);
    weights.set(id, weight);
  }
  return weights;
}

function readBackendSpec(spec: BackendSpec, path: string): Required<BackendSpec> {
  if (typeof spec !== "object" || spec === null) throw balancerInvalid(path, "{ id, weight? }", spec);
  for (const [field, value] of Object.entries(spec)) {
    if (field !== "id" && field !== "weight")
      throw balancerInvalid(`${path}.${field}`, "no field but id, weight", value);
  }
  const { id, weight = 1 } = spec;
  if (typeof id !== "string" || id === "") throw balancerInvalid(`${path}.id`, "a text that is not empty", id);
  if (!Number.isInteger(weight) || weight < 0 || weight > MAX_WEIGHT) {
    throw balancerInvalid(`${path}.weight`, `a whole number in 0…${MAX_WEIGHT}`, weight);
  }
  return { id, weight };
}
