import type { Kernel } from "../../../balancers/kernel.ts";
import { takesOption } from "../../../balancers/registry.ts";
import { balancerInvalid } from "../../../core/errors.ts";

/** What a scheduler goes by besides its flags. */
export interface SchedulerTuning {
  readonly kernel?: Kernel;
  readonly lblcExpirationSeconds?: number;
  readonly lblcrExpirationSeconds?: number;
}

/** What each flag of `ipvsadm -b` is; the kernel has one bit for those that sh and mh both have. */
const meanings: Readonly<Record<string, "Port" | "Fallback">> = Object.freeze({
  "sh-port": "Port",
  "mh-port": "Port",
  "sh-fallback": "Fallback",
  "mh-fallback": "Fallback",
});

/** The flags that `schedulerOptions` knows. */
export const schedulerFlags: readonly string[] = Object.keys(meanings);

/**
 * The options of the registry's algorithm that stand for a scheduler's flags. As in the kernel a flag that a scheduler
 * does not look at changes nothing, and so does tuning.
 *
 * @param path names the flags in the error.
 * @throws {SluiceError} BALANCER_INVALID for a flag that there is not.
 */
export function schedulerOptions(
  scheduler: string,
  flags: readonly string[],
  tuning: SchedulerTuning = {},
  path = "flags",
): Readonly<Record<string, unknown>> {
  const set = flags.map((flag) => {
    const meaning = meanings[flag];
    if (meaning === undefined) throw balancerInvalid(path, `flags of ${schedulerFlags.join(", ")}`, flag);
    return [`${scheduler}${meaning}`, true] as const;
  });
  return Object.fromEntries([...set, ...Object.entries(tuning)].filter(([option]) => takesOption(scheduler, option)));
}
