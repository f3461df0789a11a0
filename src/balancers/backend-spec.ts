import { balancerInvalid } from "../core/errors.ts";
import { MAX_WEIGHT } from "./backend-set.ts";
import { MAX_THRESHOLD, type Thresholds } from "./thresholds.ts";

/** A backend as the user of a balancer names it. */
export interface BackendSpec {
  /** Not empty, and no other backend's. */
  readonly id: string;
  /**
   * A whole number in 0…65535; 0 takes no new flow.
   * @default 1
   */
  readonly weight?: number;
  /**
   * From so many leases on it is overloaded and takes no new flow, a whole number in 0…2³¹ − 1; 0: never.
   * @default 0
   */
  readonly upper?: number;
  /**
   * Below so many leases it is no longer overloaded, a whole number in 0…`upper`; 0: below three quarters of `upper`.
   * @default 0
   */
  readonly lower?: number;
}

/** What a balancer is told of a backend, with every default filled in. */
export interface BackendSettings extends Thresholds {
  readonly weight: number;
}

/**
 * Checks a list of backends whole, before anything is done with it.
 *
 * @returns the settings of each id, in the order given.
 * @throws {SluiceError} BALANCER_INVALID, naming the field.
 */
export function readBackendSpecs(specs: readonly BackendSpec[]): ReadonlyMap<string, BackendSettings> {
  if (!Array.isArray(specs)) throw balancerInvalid("backends", "a list of { id, weight?, upper?, lower? }", specs);
  const settings = new Map<string, BackendSettings>();
  for (const [index, spec] of (specs as readonly BackendSpec[]).entries()) {
    const path = `backends[${index}]`;
    const { id, ...own } = readBackendSpec(spec, path);
    if (settings.has(id)) throw balancerInvalid(`${path}.id`, "an id of its own", id);
    settings.set(id, own);
  }
  return settings;
}

const fields: readonly string[] = ["id", "weight", "upper", "lower"] satisfies (keyof BackendSpec)[];

function readBackendSpec(spec: BackendSpec, path: string): Required<BackendSpec> {
  if (typeof spec !== "object" || spec === null) throw balancerInvalid(path, "{ id, weight?, upper?, lower? }", spec);
  for (const [field, value] of Object.entries(spec)) {
    if (!fields.includes(field)) throw balancerInvalid(`${path}.${field}`, `no field but ${fields.join(", ")}`, value);
  }
  const { id, weight = 1, upper = 0, lower = 0 } = spec;
  if (typeof id !== "string" || id === "") throw balancerInvalid(`${path}.id`, "a text that is not empty", id);
  checkWhole(weight, MAX_WEIGHT, `${path}.weight`);
  checkWhole(upper, MAX_THRESHOLD, `${path}.upper`);
  checkWhole(lower, upper, `${path}.lower`);
  return { id, weight, upper, lower };
}

function checkWhole(value: number, max: number, path: string): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw balancerInvalid(path, `a whole number in 0…${max}`, value);
  }
}
