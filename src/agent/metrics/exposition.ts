import type { Registry } from "prom-client";

/**
 * The metrics in Prometheus' text format, without those that have no value yet: Go's client leaves them out too.
 */
export async function exposition(registry: Registry): Promise<string> {
  const metrics = (await registry.metrics()).trimEnd().split("\n\n");
  // The first two lines are its help and its type.
  const withValues = metrics.filter((metric) => metric.split("\n").length > 2);
  return withValues.map((metric) => `${metric}\n`).join("");
}
