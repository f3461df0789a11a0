import { systemClock } from "../../core/clock.ts";
import { startLoadGenerator } from "../../measure/load/start-generator.ts";
import type { BenchOptions, ResolvedBenchOptions } from "../options.ts";
import { planTiming } from "../plan.ts";
import { type Stage, TIMEOUT_MS } from "../stage.ts";
import { ENDPOINTS } from "./cluster.ts";
import { type OpenPoint, openScale } from "./open-scale.ts";

export interface ScaleStage extends Stage {
  readonly points: readonly OpenPoint[];
}

const notes = [
  "Load, endpoints and nodes are network namespaces of this host, joined by veth pairs: compare subjects with each other, not with networks.",
  `Clusters are generated, ${ENDPOINTS} endpoints a service, TCP; every subject has a node of its own at each number of services, all interleaved in the same blocks.`,
  "Clients go to 10 services (half of them, where there are fewer than 20) that lie evenly spread over the rules: a percentile of first packets is one of services, too.",
  "iptables uses its legacy back end at every number of services where one of them is 10,000 or more, unless the subject says which.",
  "Rules passed are counted by the emulator, in the same program: no kernel says them.",
  "Sync times are from the cluster's state to rules in force: of the whole cluster in a process and a namespace of their own each time, of one endpoint in the process that has them in force; memory is that process's peak.",
];

/**
 * Opens everything for a run over numbers of services. The budget is for the slices: bringing rules into force has budgets
 * of its own, which are told before each.
 */
export async function openScaleStage(options: BenchOptions, resolved: ResolvedBenchOptions): Promise<ScaleStage> {
  const { works, budgetMs, messageBytes, seed } = resolved;
  planTiming(budgetMs, resolved.subjects.length * resolved.services.length + 2, works.length);
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one.close();
  };
  try {
    const scale = await openScale(resolved, options.signal, (one) => opened.push(one));
    const generator = startLoadGenerator(resolved.generator, scale.network.client);
    opened.push(generator);
    const timing = planTiming(budgetMs, scale.subjects.length, works.length);
    return {
      plan: {
        subjects: scale.subjects.map(({ subject }) => subject),
        works,
        ...timing,
        messageBytes,
        timeoutMs: TIMEOUT_MS,
        seed,
      },
      rig: { generator, backends: scale.echoes, clock: systemClock },
      subjects: scale.subjects.map(({ info }) => info),
      services: [scale.service],
      emulated: [],
      unmeasured: scale.unmeasured,
      engine: scale.engines.join(", "),
      points: scale.points,
      readyMs: systemClock.nowMs(),
      notes: () => Promise.resolve([...notes]),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
