import type { Node } from "../cluster/objects.ts";
import type { Timers } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Model } from "../model/model.ts";
import { readNodePortRanges } from "../modes/node-port-addresses.ts";
import { tryParseBindAddress } from "./config/bind-address.ts";
import type { KubeProxyConfiguration } from "./config/config.ts";
import { healthAnswers, userspaceHealthAnswers } from "./health/answers.ts";
import { createHealthCheckServers, type HealthCheckServers } from "./health/health-check-servers.ts";
import { healthChecks } from "./health/health-checks.ts";
import { isNodeEligible } from "./health/node-eligibility.ts";
import type { ProxyHealthTracker } from "./health/proxy-health.ts";
import { keepServing, type KeptServer } from "./http/keep-serving.ts";
import type { AgentMetrics } from "./metrics/agent-metrics.ts";
import { metricsAnswers } from "./metrics/answers.ts";

interface ServedBy {
  readonly config: KubeProxyConfiguration;
  readonly health: ProxyHealthTracker;
  readonly metrics: AgentMetrics;
  readonly log: Log;
  readonly timers: Timers;
  /** That this host is; undefined while it is not known. */
  readonly node: () => Node | undefined;
}

/** What a proxy answers about itself: health, metrics, and the health checks of load balancers. */
export interface ProxyServers {
  /** After each sync. */
  sync(model: Model): Promise<void>;
  close(): Promise<void>;
}

/** @throws {SluiceError} HOST_UNABLE with bindAddressHardFail, when an address cannot be had. */
export async function openProxyServers({
  config,
  health,
  metrics,
  log,
  timers,
  node,
}: ServedBy): Promise<ProxyServers> {
  const common = {
    hardFail: config.bindAddressHardFail,
    timers,
    onFailure: ({ message }: Error) => log.warn(`${message}; tried again in 5 s`),
  };
  const nodeEligible = (): boolean => isNodeEligible(node());
  const source = { health: () => health.health(), nodeEligible, answered: metrics.healthAnswered };
  const places = [
    {
      name: "healthz",
      at: tryParseBindAddress(config.healthzBindAddress),
      answer: config.mode === "userspace" ? userspaceHealthAnswers(source) : healthAnswers(source),
    },
    {
      name: "metrics",
      at: tryParseBindAddress(config.metricsBindAddress),
      answer: metricsAnswers({ config, metrics }),
    },
  ];
  const kept: KeptServer[] = [];
  for (const { name, at, answer } of places) {
    if (at !== undefined) kept.push(await keepServing({ ...common, name, at, answer }));
  }
  const ranges = readNodePortRanges(config.nodePortAddresses, "nodePortAddresses");
  let checks: HealthCheckServers | undefined;
  return {
    async sync(model) {
      checks ??= createHealthCheckServers({
        nodeName: model.node.name,
        proxyHealthy: () => health.health().healthy,
        onFailure: ({ reason, note }) => log.warn(`${reason}: ${note}`),
      });
      await checks.sync(healthChecks(model, ranges));
    },
    async close() {
      await Promise.all([...kept.map((server) => server.close()), checks?.close()]);
    },
  };
}
