import { balancerInvalid } from "../core/errors.ts";
import type { Algorithm } from "./balancer.ts";
import { wholeOption } from "./definition.ts";
import { type Kernel, kernelOption } from "./kernel.ts";
import { algorithm, type AlgorithmChoice, type AlgorithmName, takesOption } from "./registry.ts";

/** Options that a balancer takes whatever its algorithm is. */
export interface CommonOptions {
  /**
   * How long a client (a source address) keeps its backend after its last new flow, in seconds: a whole number in
   * 0…86400, as for a Service; 0: no affinity. A backend that may take no new flow loses its clients. Up to 16,384 clients
   * are remembered; where there are about so many, some of those not seen for long are forgotten.
   * @default 0
   */
  readonly affinitySeconds?: number;
  /**
   * The Linux kernel whose rules of overload thresholds are followed, and those of the algorithm, where it takes this
   * option, too.
   * @default "6.1.192"
   */
  readonly kernel?: Kernel;
}

/** Which algorithm, with its options. An option that the algorithm does not take is an error. */
export type BalancerOptions = AlgorithmChoice & CommonOptions;

export interface ResolvedBalancerOptions {
  readonly name: AlgorithmName;
  readonly algorithm: Algorithm;
  readonly kernel: Kernel;
  readonly affinitySeconds: number;
  /** All of them, defaults filled in: plain data. */
  readonly options: Readonly<Record<string, unknown>>;
}

const affinityOption = wholeOption(0, 0, 86_400);

/** @throws {SluiceError} BALANCER_INVALID for an unknown algorithm or option, and for a value that cannot be. */
export function resolveBalancerOptions(options: BalancerOptions): ResolvedBalancerOptions {
  if (typeof options !== "object" || options === null) throw balancerInvalid("options", "{ algorithm, … }", options);
  const { algorithm: name, affinitySeconds: seconds, kernel: version, ...own } = options;
  const affinitySeconds = affinityOption(seconds, "affinitySeconds");
  const kernel = kernelOption(version, "kernel");
  const chosen = algorithm(name, takesOption(name, "kernel") ? { ...own, kernel } : own);
  return { name, algorithm: chosen, kernel, affinitySeconds, options: { ...chosen.options, kernel, affinitySeconds } };
}
