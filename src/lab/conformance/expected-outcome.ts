import type { Kernel } from "../../balancers/kernel.ts";
import type { Outcome, Vector } from "./vector.ts";

/** The kernel whose recordings a vector's own outcome is. */
export const referenceKernel: Kernel = "6.1.192";

/** What a kernel did: its variant where the vector has one, else what the reference did. */
export function expectedOutcome(vector: Vector, kernel: Kernel): Outcome {
  for (const [name, outcome] of vector.variants) if (versionOf(name) === kernel) return outcome;
  return vector;
}

/** `6.12.117-1~deb12u1 (Debian …)`: the version stands first. */
function versionOf(name: string): string {
  return name.split(/[-~ ]/)[0]!;
}
