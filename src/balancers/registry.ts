import { balancerInvalid } from "../core/errors.ts";
import type { Algorithm } from "./balancer.ts";
import { type Kernel, kernels, referenceKernel } from "./kernel.ts";
import { lc } from "./lc.ts";
import { random } from "./random.ts";
import { rr } from "./rr.ts";
import { sed } from "./sed.ts";

/** Options of the algorithms. Each takes only some of them. */
export interface AlgorithmOptions {
  /**
   * `lc`: the Linux kernel whose IPVS it follows.
   * @default "6.1.192"
   */
  readonly kernel?: Kernel;
}

export type AlgorithmName = "rr" | "random" | "lc" | "sed";

interface Entry {
  readonly takes: readonly (keyof AlgorithmOptions)[];
  make(options: AlgorithmOptions): Algorithm;
}

const entries: ReadonlyMap<AlgorithmName, Entry> = new Map<AlgorithmName, Entry>([
  ["rr", { takes: [], make: () => rr }],
  ["random", { takes: [], make: () => random }],
  ["lc", { takes: ["kernel"], make: ({ kernel }) => lc(kernel ?? referenceKernel) }],
  ["sed", { takes: [], make: () => sed }],
]);

/** The names of all algorithms, in the order of the documentation. */
export const algorithmNames: readonly AlgorithmName[] = [...entries.keys()];

/**
 * The algorithm of this name.
 *
 * @throws {SluiceError} BALANCER_INVALID for a name that is not in the registry, and for an option that the algorithm
 *   does not take.
 */
export function algorithm(name: string, options: AlgorithmOptions = {}): Algorithm {
  const entry = entries.get(name as AlgorithmName);
  if (entry === undefined) throw balancerInvalid("algorithm", `one of ${algorithmNames.join(", ")}`, name);
  for (const option of Object.keys(options)) {
    if (entry.takes.includes(option as keyof AlgorithmOptions)) continue;
    const known = entry.takes.length === 0 ? "no options" : `no options but ${entry.takes.join(", ")}`;
    throw balancerInvalid(option, `${known} for ${name}`, options[option as keyof AlgorithmOptions]);
  }
  if (options.kernel !== undefined && !kernels.includes(options.kernel)) {
    throw balancerInvalid("kernel", `one of ${kernels.join(", ")}`, options.kernel);
  }
  return entry.make(options);
}
