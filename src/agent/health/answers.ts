import { rfc3339 } from "../../core/clock.ts";
import { type Answer, jsonAnswer, notFound, type Question } from "../http/answer.ts";
import type { ProxyHealth } from "./proxy-health.ts";

/** A moment that never was, as Go writes it. */
const NEVER = "0001-01-01T00:00:00Z";

/** What `/healthz` says: may a load balancer send new connections here? @param nodeEligible may the node have them? */
export function healthzAnswer(health: ProxyHealth, nodeEligible: boolean): Answer {
  return answerOf(health, health.healthy && nodeEligible, { nodeEligible });
}

/** What `/livez` says: does the proxy do its work? */
export function livezAnswer(health: ProxyHealth): Answer {
  return answerOf(health, health.healthy, {});
}

/** Field by field in kube-proxy's order; what is undefined is left out. Source: kube-proxy 1.36, `ProxyHealth`. */
function answerOf(health: ProxyHealth, good: boolean, eligibility: { readonly nodeEligible?: boolean }): Answer {
  const { currentMs, lastUpdatedMs, healthy, families } = health;
  const status = [...families]
    .sort(([a], [b]) => a - b)
    .map(([family, { lastUpdatedMs, healthy }]) => [`IPv${family}`, { lastUpdated: rfc3339(lastUpdatedMs), healthy }]);
  // Readers of old take a recent time for good news, so good news comes with one.
  const shownMs = good ? currentMs : lastUpdatedMs;
  const body = {
    lastUpdated: shownMs === undefined ? NEVER : rfc3339(shownMs),
    currentTime: rfc3339(currentMs),
    ...eligibility,
    healthy,
    status: status.length === 0 ? undefined : Object.fromEntries(status),
  };
  return jsonAnswer(good ? 200 : 503, JSON.stringify(body));
}

export interface HealthSource {
  health(): ProxyHealth;
  nodeEligible(): boolean;
  /** Is told of every answer. */
  answered(path: "healthz" | "livez", status: number): void;
}

/** What the health server answers, to any method, as kube-proxy. */
export function healthAnswers(source: HealthSource): (question: Question) => Answer {
  return ({ path }) => {
    if (path !== "/healthz" && path !== "/livez") return notFound;
    const health = source.health();
    const answer = path === "/healthz" ? healthzAnswer(health, source.nodeEligible()) : livezAnswer(health);
    source.answered(path === "/healthz" ? "healthz" : "livez", answer.status);
    return answer;
  };
}
