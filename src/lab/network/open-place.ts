import { isSluiceError } from "../../core/errors.ts";
import type { Unmeasured } from "../../measure/result.ts";
import type { ChosenPorts } from "../choose-service.ts";
import type { TrafficSubject } from "../options.ts";
import { onLoopback, standInAddresses, type StandInPlace } from "../stand-ins.ts";
import { podPrefixes } from "./links.ts";
import { type Network, openNetwork } from "./network.ts";

/** Where a run's packets go. */
export interface Place {
  readonly standIns: StandInPlace;
  /** Undefined: all of it is on loopback. */
  readonly network: Network | undefined;
  /** Those that can be there, and those that cannot. */
  readonly subjects: readonly TrafficSubject[];
  readonly unmeasured: readonly Unmeasured[];
}

let networks = 0;

/**
 * Finds a place for all subjects of a run: loopback, unless one of them is a kernel's, which takes a network. On a host
 * that cannot have one, the others run on loopback, and those of the kernel are named.
 */
export async function openPlace(specs: readonly TrafficSubject[], chosen: ChosenPorts): Promise<Place> {
  if (!specs.some(isKernel)) return { standIns: onLoopback, network: undefined, subjects: specs, unmeasured: [] };
  networks += 1;
  const name = `sluice-${process.pid}-${networks}`;
  const standIns = { prefixes: podPrefixes, netns: `${name}-pods` } as const;
  try {
    const network = await openNetwork(name, standInAddresses(chosen, standIns));
    return { standIns, network, subjects: specs, unmeasured: [] };
  } catch (error) {
    if (!isSluiceError(error, "HOST_UNABLE")) throw error;
    const unmeasured = specs.filter(isKernel).map(({ name }) => ({ subject: name, reason: error.details.missing }));
    return {
      standIns: onLoopback,
      network: undefined,
      subjects: specs.filter((spec) => !isKernel(spec)),
      unmeasured,
    };
  }
}

function isKernel(spec: TrafficSubject): boolean {
  return "kernel" in spec || "kubeProxy" in spec;
}
