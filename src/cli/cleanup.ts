import { lineLog } from "../core/log.ts";
import { createKernelDataplane } from "../dataplane/kernel/kernel.ts";

export interface CleanupArguments {
  readonly all?: boolean | undefined;
}

/** Takes the rules of every mode out of the kernel of the network namespace that we are in. */
export async function cleanup({ all = false }: CleanupArguments): Promise<void> {
  const log = lineLog((line) => process.stderr.write(`sluice: ${line}`));
  const dataplane = createKernelDataplane({ log });
  try {
    await dataplane.cleanup({ all });
  } finally {
    await dataplane.close();
  }
}
