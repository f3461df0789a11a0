import { countOf } from "../core/count.ts";
import type { BenchResult, MeasuredService } from "../measure/result.ts";

/** What was measured, where, and how long. */
export function headLines({ method, services, environment, endedBy }: BenchResult): string[] {
  const { blocks, plannedBlocks, window, seed, budget } = method;
  const early = endedBy === "signal" ? "stopped early" : `the budget of ${budget.value} s was over`;
  const stopped = endedBy === "plan" || endedBy === "precision" ? "" : ` of ${plannedBlocks.value} (${early})`;
  const { cpuModel, processors, system, nodeVersion, sluiceVersion } = environment;
  return [
    `sluice ${sluiceVersion} bench: ${countOf(blocks.value ?? 0, "block")}${stopped} of ${window.value} ms slices, seed ${seed}`,
    ...services.map(serviceLine),
    `on ${cpuModel ?? "an unknown processor"}, ${processors.value} processors, ${system}, Node ${nodeVersion}`,
  ];
}

function serviceLine({ protocol, servicePort, address, endpoints }: MeasuredService): string {
  return `${protocol.toUpperCase()} service ${servicePort} at ${address}, ${endpoints.length} endpoints`;
}
