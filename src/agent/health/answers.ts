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

/**
 * What `/healthz` said in mode userspace; there was no `/livez`.
 *
 * Source: kube-proxy 1.25, pkg/proxy/healthcheck/proxier_health.go, `ServeHTTP`.
 */
function userspaceAnswer({ healthy, lastUpdatedMs, currentMs }: ProxyHealth): Answer {
  const shownMs = healthy ? currentMs : lastUpdatedMs;
  const lastUpdated = goTime(shownMs === undefined ? NEVER : rfc3339(shownMs));
  const body = `{"lastUpdated": "${lastUpdated}","currentTime": "${goTime(rfc3339(currentMs))}"}`;
  return jsonAnswer(healthy ? 200 : 503, body);
}

/** As Go prints a time that nobody asked to be printed otherwise. */
function goTime(rfc3339Text: string): string {
  return rfc3339Text.replace("T", " ").replace("Z", " +0000 UTC");
}

/** The answers of mode userspace, to any method. */
export function userspaceHealthAnswers(source: Omit<HealthSource, "nodeEligible">): (question: Question) => Answer {
  return ({ path }) => {
    if (path !== "/healthz") return notFound;
    const answer = userspaceAnswer(source.health());
    source.answered("healthz", answer.status);
    return answer;
  };
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
