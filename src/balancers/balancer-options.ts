import { balancerInvalid } from "../core/errors.ts";
import type { Ip } from "../net/ip.ts";
import type { Algorithm } from "./balancer.ts";
import { tryReadClientMask } from "./client-mask.ts";
import type { PersistenceSettings } from "./client-persistence.ts";
import { wholeOption } from "./definition.ts";
import { type Kernel, kernelOption } from "./kernel.ts";
import { algorithm, type AlgorithmChoice, type AlgorithmName, takesOption } from "./registry.ts";

/** Options that a balancer takes whatever its algorithm is. */
export interface CommonOptions {
  /**
   * kube-proxy's affinity by client: how long a client (a source address) keeps its backend after its last new flow, in
   * seconds: a whole number in 0…86400, as for a Service; 0: no affinity. A backend that may take no new flow loses its clients. Up to 16,384 clients
   * are remembered; where there are about so many, some of those not seen for long are forgotten.
   * @default 0
   */
  readonly affinitySeconds?: number;
  /**
   * IPVS's persistence (`ipvsadm -p`): how long a client keeps its backend after its last new flow, in seconds: a whole
   * number in 0…2678400; 0: none. Also a backend of weight 0, or one that is overloaded, keeps its clients; one that was
   * removed gets those back that did not ask meanwhile. While flows of a client are open its time is not over; once it
   * would have been, it is 60 s from then on, as in the kernel. Not together with `affinitySeconds`.
   * @default 0
   */
  readonly persistenceSeconds?: number;
  /**
   * Which bits of its address make a client (`ipvsadm -M`): dotted for IPv4 such as "255.255.255.0", the length of the
   * prefix in 1…128 for IPv6. Addresses of the other family count whole.
   * @default all of them
   */
  readonly persistenceMask?: string | number;
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
  readonly persistence: PersistenceSettings | undefined;
  /** All of them, defaults filled in: plain data. */
  readonly options: Readonly<Record<string, unknown>>;
}

const affinityOption = wholeOption(0, 0, 86_400);
const persistenceOption = wholeOption(0, 0, 31 * 86_400);

/** @throws {SluiceError} BALANCER_INVALID for an unknown algorithm or option, and for a value that cannot be. */
export function resolveBalancerOptions(options: BalancerOptions): ResolvedBalancerOptions {
  if (typeof options !== "object" || options === null) throw balancerInvalid("options", "{ algorithm, … }", options);
  const { algorithm: name, affinitySeconds, persistenceSeconds, persistenceMask, kernel: version, ...own } = options;
  const kernel = kernelOption(version, "kernel");
  const chosen = algorithm(name, takesOption(name, "kernel") ? { ...own, kernel } : own);
  const seconds = {
    affinitySeconds: affinityOption(affinitySeconds, "affinitySeconds"),
    persistenceSeconds: persistenceOption(persistenceSeconds, "persistenceSeconds"),
  };
  if (seconds.affinitySeconds > 0 && seconds.persistenceSeconds > 0) {
    throw balancerInvalid("persistenceSeconds", "0 where there is affinity", persistenceSeconds);
  }
  const mask = readMask(persistenceMask);
  const timeoutMs = seconds.persistenceSeconds * 1000;
  return {
    name,
    algorithm: chosen,
    kernel,
    affinitySeconds: seconds.affinitySeconds,
    persistence: timeoutMs > 0 ? { timeoutMs, mask } : undefined,
    options: { ...chosen.options, kernel, ...seconds, persistenceMask: persistenceMask ?? null },
  };
}

function readMask(value: unknown): Ip | undefined {
  if (value === undefined) return undefined;
  const mask = tryReadClientMask(value);
  if (mask !== undefined) return mask;
  throw balancerInvalid("persistenceMask", "a mask such as 255.255.255.0, or 1…128 for IPv6", value);
}
