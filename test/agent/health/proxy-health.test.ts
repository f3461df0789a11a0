import assert from "node:assert/strict";
import {
  healthAnswers,
  healthzAnswer,
  livezAnswer,
  userspaceHealthAnswers,
} from "../../../src/agent/health/answers.ts";
import { isNodeEligible } from "../../../src/agent/health/node-eligibility.ts";
import { trackProxyHealth } from "../../../src/agent/health/proxy-health.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { suite } from "../../support/suite.ts";

const test = suite("proxy health");

/** 2026-08-13T10:00:00Z */
const TEN = Date.UTC(2026, 7, 13, 10);

function started() {
  const clock = manualClock(TEN);
  const tracker = trackProxyHealth({ timeoutMs: 60_000, clock });
  for (const family of [6, 4] as const) tracker.updated(family);
  return { clock, tracker };
}

test("without changes the proxy stays healthy, however long ago the last sync was", () => {
  const { clock, tracker } = started();
  clock.advance(3_600_000);
  const { status, headers, body } = healthzAnswer(tracker.health(), true);
  assert.equal(status, 200);
  assert.deepEqual(headers, { "Content-Type": "application/json", "X-Content-Type-Options": "nosniff" });
  assert.equal(
    body,
    '{"lastUpdated":"2026-08-13T11:00:00Z","currentTime":"2026-08-13T11:00:00Z","nodeEligible":true,"healthy":true,"status":{"IPv4":{"lastUpdated":"2026-08-13T10:00:00Z","healthy":true},"IPv6":{"lastUpdated":"2026-08-13T10:00:00Z","healthy":true}}}',
  );
});

test("livez says nothing of the node, whose eligibility plays no part in it", () => {
  const { tracker } = started();
  assert.equal(
    livezAnswer(tracker.health()).body,
    '{"lastUpdated":"2026-08-13T10:00:00Z","currentTime":"2026-08-13T10:00:00Z","healthy":true,"status":{"IPv4":{"lastUpdated":"2026-08-13T10:00:00Z","healthy":true},"IPv6":{"lastUpdated":"2026-08-13T10:00:00Z","healthy":true}}}',
  );
});

test("a change that waits for the time-out makes its family unhealthy, and not a moment sooner", () => {
  const { clock, tracker } = started();
  clock.advance(1000);
  tracker.updated(6);
  clock.advance(500.25);
  tracker.queued(4);
  clock.advance(59_999.5);
  assert.equal(healthzAnswer(tracker.health(), true).status, 200);
  // A younger change does not make the oldest one younger.
  tracker.queued(4);
  clock.advance(0.5);
  const { status, body } = healthzAnswer(tracker.health(), true);
  assert.equal(status, 503);
  // The time of the most recent update of any family.
  assert.equal(
    body,
    '{"lastUpdated":"2026-08-13T10:00:01Z","currentTime":"2026-08-13T10:01:01.50025Z","nodeEligible":true,"healthy":false,"status":{"IPv4":{"lastUpdated":"2026-08-13T10:00:00Z","healthy":false},"IPv6":{"lastUpdated":"2026-08-13T10:00:01Z","healthy":true}}}',
  );
  assert.equal(livezAnswer(tracker.health()).status, 503);
  tracker.updated(4);
  assert.equal(healthzAnswer(tracker.health(), true).status, 200);
});

test("on a node that is not eligible healthz alone is bad, and the proxy is healthy all the same", () => {
  const { clock, tracker } = started();
  clock.advance(5000);
  const { status, body } = healthzAnswer(tracker.health(), false);
  assert.equal(status, 503);
  assert.match(body, /^\{"lastUpdated":"2026-08-13T10:00:00Z",.*"nodeEligible":false,"healthy":true,/);
  assert.equal(livezAnswer(tracker.health()).status, 200);
});

test("before the first sync the proxy is healthy, without the status of a family", () => {
  const tracker = trackProxyHealth({ timeoutMs: 1000, clock: manualClock(TEN) });
  tracker.queued(4);
  const now = "2026-08-13T10:00:00Z";
  const { status, body } = healthzAnswer(tracker.health(), true);
  assert.deepEqual(
    [status, body],
    [200, `{"lastUpdated":"${now}","currentTime":"${now}","nodeEligible":true,"healthy":true}`],
  );
  const never = healthzAnswer(tracker.health(), false);
  assert.match(never.body, /^\{"lastUpdated":"0001-01-01T00:00:00Z"/);
});

test("a change that waited before the family's first sync does not count until then", () => {
  const clock = manualClock(TEN);
  const tracker = trackProxyHealth({ timeoutMs: 1000, clock });
  tracker.queued(4);
  clock.advance(2000);
  assert.equal(tracker.health().healthy, true);
  tracker.updated(6);
  assert.equal(tracker.health().healthy, true);
  tracker.queued(6);
  clock.advance(1000);
  assert.equal(tracker.health().healthy, false);
});

test("a node is eligible unless it is unknown, going away or about to be removed", () => {
  const taint = (key: string) => ({ taints: [{ key: "other" }, { key }] });
  assert.equal(isNodeEligible({ taints: [] }), true);
  assert.equal(isNodeEligible(taint("node.kubernetes.io/unschedulable")), true);
  assert.equal(isNodeEligible(taint("ToBeDeletedByClusterAutoscaler")), false);
  assert.equal(isNodeEligible({ taints: [], deletionTimestamp: "2026-08-13T10:00:00Z" }), false);
  assert.equal(isNodeEligible(undefined), false);
});

test("the server answers two paths, to any method, and tells of each answer", () => {
  const { tracker } = started();
  const told: string[] = [];
  const answer = healthAnswers({
    health: () => tracker.health(),
    nodeEligible: () => false,
    answered: (path, status) => told.push(`${path} ${status}`),
  });
  const statuses = ["/healthz", "/livez", "/", "/healthz/", "/metrics"].map(
    (path) => answer({ method: "DELETE", path }).status,
  );
  assert.deepEqual(statuses, [503, 200, 404, 404, 404]);
  assert.deepEqual(told, ["healthz 503", "livez 200"]);
});

test("mode userspace answers one path, as kube-proxy 1.25 did", () => {
  const { tracker, clock } = started();
  const told: string[] = [];
  const answer = userspaceHealthAnswers({
    health: () => tracker.health(),
    answered: (path, status) => told.push(`${path} ${status}`),
  });
  const [good, none] = ["/healthz", "/livez"].map((path) => answer({ method: "GET", path }));
  assert.equal(none!.status, 404);
  const { lastUpdated, currentTime } = JSON.parse(good!.body) as Record<string, string>;
  assert.equal(good!.body, `{"lastUpdated": "${lastUpdated}","currentTime": "${currentTime}"}`);
  assert.match(currentTime!, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC$/);
  tracker.queued(4);
  clock.advance(3_600_000);
  assert.equal(answer({ method: "GET", path: "/healthz" }).status, 503);
  assert.deepEqual(told, ["healthz 200", "healthz 503"]);
});
