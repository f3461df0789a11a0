import { balancerInvalid } from "../core/errors.ts";
import type { Algorithm } from "./balancer.ts";
import type { Definition } from "./definition.ts";
import { dh } from "./dh.ts";
import { edf } from "./edf.ts";
import { fo } from "./fo.ts";
import { iptablesRandom } from "./iptables-random.ts";
import { ipvsSchedulers } from "./ipvs-schedulers.ts";
import { lblc } from "./lblc.ts";
import { lblcr } from "./lblcr.ts";
import { lc } from "./lc.ts";
import { leastconn } from "./leastconn.ts";
import { maglev } from "./maglev.ts";
import { mh } from "./mh.ts";
import { nq } from "./nq.ts";
import { ovf } from "./ovf.ts";
import { p2c } from "./p2c.ts";
import { p2cWithReplacement } from "./p2c-with-replacement.ts";
import { peakEwma } from "./peak-ewma.ts";
import { prequal } from "./prequal.ts";
import { random } from "./random.ts";
import { rendezvous } from "./rendezvous.ts";
import { ring } from "./ring.ts";
import { rr } from "./rr.ts";
import { sed } from "./sed.ts";
import { sh } from "./sh.ts";
import { smoothWrr } from "./smooth-wrr.ts";
import { twos } from "./twos.ts";
import { userspace } from "./userspace.ts";
import { wlc } from "./wlc.ts";
import { wrr } from "./wrr.ts";

/** The schedulers of Linux IPVS. */
const schedulers = [rr, wrr, lc, wlc, sed, nq, sh, dh, mh, lblc, lblcr, fo, ovf, twos] as const satisfies Named<
  typeof ipvsSchedulers
>;
type Named<Names extends readonly string[]> = { readonly [At in keyof Names]: { readonly name: Names[At] } };
/** Those of proxies and of papers that go by turns, loads and latencies. */
const balancing = [smoothWrr, edf, leastconn, p2c, p2cWithReplacement, peakEwma, prequal] as const;
/** Those that hash flows. */
const hashing = [ring, maglev, rendezvous] as const;
/** All algorithms, in the order of the documentation. */
const definitions = [...schedulers, random, iptablesRandom, userspace, ...balancing, ...hashing] as const;

type Defined = (typeof definitions)[number];
/** The name of an algorithm. */
export type AlgorithmName = Defined["name"];

/** The options that an algorithm takes; each may be left out. */
export type OptionsOf<Name extends AlgorithmName> =
  Extract<Defined, { name: Name }> extends Definition<Name, infer Options> ? Options : never;

/** An algorithm with its options: `{ algorithm: "lc", kernel: "6.1.176" }`; without any, also one of a name not known yet. */
export type AlgorithmChoice =
  | { [Name in AlgorithmName]: { readonly algorithm: Name } & OptionsOf<Name> }[AlgorithmName]
  | { readonly algorithm: AlgorithmName };

const byName: ReadonlyMap<string, Definition<AlgorithmName, object>> = new Map(
  definitions.map((definition) => [definition.name, definition as Definition<AlgorithmName, object>]),
);

/** All names, in the order of the documentation. */
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
  if (typeof options !== "object" || options === null) throw balancerInvalid("options", "{ … }", options);
  return definition.make(options);
}

/** Whether an algorithm of the registry takes an option of this name. */
export function takesOption(name: string, option: string): boolean {
  return byName.get(name)?.options.includes(option) ?? false;
}
