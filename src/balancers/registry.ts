import { balancerInvalid } from "../core/errors.ts";
import type { Algorithm } from "./balancer.ts";
import type { Definition } from "./definition.ts";
import { lc } from "./lc.ts";
import { random } from "./random.ts";
import { rr } from "./rr.ts";
import { sed } from "./sed.ts";

/** All algorithms, in the order of the documentation. */
const definitions = [rr, random, lc, sed] as const;

type Defined = (typeof definitions)[number];
export type AlgorithmName = Defined["name"];

/** The options that an algorithm takes; each may be left out. */
export type OptionsOf<Name extends AlgorithmName> =
  Extract<Defined, { name: Name }> extends Definition<Name, infer Options> ? Options : never;

/** An algorithm with its options: `{ algorithm: "lc", kernel: "6.1.176" }`. */
export type AlgorithmChoice = {
  [Name in AlgorithmName]: { readonly algorithm: Name } & OptionsOf<Name>;
}[AlgorithmName];

const byName: ReadonlyMap<string, Definition<AlgorithmName, object>> = new Map(
  definitions.map((definition) => [definition.name, definition as Definition<AlgorithmName, object>]),
);

export const algorithmNames: readonly AlgorithmName[] = definitions.map(({ name }) => name);

/**
 * The algorithm of this name.
 *
 * @throws {SluiceError} BALANCER_INVALID for a name that is not in the registry, and for an option that the algorithm
 *   does not take or cannot read.
 */
export function algorithm(name: string, options: object = {}): Algorithm {
  const definition = byName.get(name);
  if (definition === undefined) throw balancerInvalid("algorithm", `one of ${algorithmNames.join(", ")}`, name);
  return definition.make(options);
}
