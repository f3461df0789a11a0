import { SluiceError } from "../core/errors.ts";
import type { Algorithm } from "./balancer.ts";
import { lc } from "./lc.ts";
import { random } from "./random.ts";
import { rr } from "./rr.ts";
import { sed } from "./sed.ts";

const byName: ReadonlyMap<string, Algorithm> = new Map([rr, random, lc, sed].map((one) => [one.name, one]));

/** The names of all algorithms, in the order of the documentation. */
export const algorithmNames: readonly string[] = [...byName.keys()];

/** @throws {SluiceError} BALANCER_INVALID for a name that is not in the registry. */
export function algorithm(name: string): Algorithm {
  const found = byName.get(name);
  if (found === undefined) {
    const expected = `one of ${algorithmNames.join(", ")}`;
    throw new SluiceError("BALANCER_INVALID", `algorithm: expected ${expected}, got ${name}`, {
      path: "algorithm",
      expected,
      received: name,
    });
  }
  return found;
}
