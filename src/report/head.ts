import type { BenchResult, MeasuredService } from "../measure/result.ts";

/** What was measured, where, and how long. */
export function headLines({ method, services, environment, complete }: BenchResult): string[] {
  const { blocks, plannedBlocks, window, seed } = method;
  const stopped = complete ? "" : ` of ${plannedBlocks.value} (stopped early)`;
  const { cpuModel, processors, system, nodeVersion, sluiceVersion } = environment;
  return [
    `sluice ${sluiceVersion} bench: ${blocks.value} blocks${stopped} of ${window.value} ms slices, seed ${seed}`,
    ...services.map(serviceLine),
    `on ${cpuModel ?? "an unknown processor"}, ${processors.value} processors, ${system}, Node ${nodeVersion}`,
  ];
}

function serviceLine({ protocol, servicePort, address, endpoints }: MeasuredService): string {
  return `${protocol.toUpperCase()} service ${servicePort} at ${address}, ${endpoints.length} endpoints`;
}
