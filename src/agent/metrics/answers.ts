import { type Answer, jsonAnswer, methodNotAllowed, notFound, type Question, textAnswer } from "../http/answer.ts";
import type { KubeProxyConfiguration } from "../config/config.ts";
import type { AgentMetrics } from "./agent-metrics.ts";

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * What the metrics server answers: kube-proxy's paths, without `/metrics/slis`, profiles and pages of its own state.
 * Unlike kube-proxy, it answers GET and HEAD alone.
 */
export function metricsAnswers(agent: {
  readonly config: KubeProxyConfiguration;
  readonly metrics: Pick<AgentMetrics, "exposition">;
}): (question: Question) => Promise<Answer> {
  const { config, metrics } = agent;
  const pages: Readonly<Record<string, () => Answer | Promise<Answer>>> = {
    "/metrics": async () => ({
      status: 200,
      headers: { "Content-Type": METRICS_TYPE },
      body: await metrics.exposition(),
    }),
    "/healthz": () => textAnswer(200, "ok"),
    "/proxyMode": () => textAnswer(200, config.mode),
    "/configz": () => jsonAnswer(200, JSON.stringify({ "kubeproxy.config.k8s.io": configOf(config) })),
  };
  return async ({ method, path }) => {
    if (!Object.hasOwn(pages, path)) return notFound;
    return method === "GET" || method === "HEAD" ? pages[path]!() : methodNotAllowed;
  };
}

/** Only kube-proxy 1.25 had its last field. */
function configOf({ udpIdleTimeout, ...config }: KubeProxyConfiguration): object {
  return config.mode === "userspace" ? { ...config, udpIdleTimeout } : config;
}
