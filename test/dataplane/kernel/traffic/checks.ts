/** Recorded checks, done once more: what clients meet, and how it compares. */
import assert from "node:assert/strict";
import { formatIp } from "../../../../src/net/ip.ts";
import { parseSocketAddr } from "../../../../src/net/parse-socket-addr.ts";
import { runs } from "../../../support/seed.ts";
import type { Attempt, Job } from "./job.ts";
import type { Network } from "./network.ts";
import type { Check, RecordedMode } from "./recorded.ts";

/** A connection that is answered has all the time of a busy machine; silence is silence after a while. */
const ANSWER_MS = 10_000;
const SILENCE_MS = 700;
/** The recorder's, one after the other where order counts. */
const CONCURRENCY = 6;

/** Does what a check did; sampled, with fewer connections. */
export function run(
  on: Network,
  check: Check,
  mode: RecordedMode,
  changes: Partial<Job> = {},
): Promise<readonly Attempt[]> {
  const { attempts = 1, errors = {} } = check[mode];
  const { ip, port } = parseSocketAddr(check.target!, "target");
  const { clientAddress, clientAddresses } = check;
  const many = Array.from({ length: clientAddresses ?? 0 }, (_, i) => `192.168.10.${100 + i}`);
  return on.run(check.from, {
    op: check.proto,
    host: formatIp(ip),
    port,
    attempts: Math.min(attempts, runs(300, 60)),
    concurrency: CONCURRENCY,
    timeoutMs: errors["timeout"] === undefined ? ANSWER_MS : SILENCE_MS,
    gapMs: 0,
    locals: clientAddress === undefined ? many : [clientAddress],
    ...changes,
  });
}

/** The same errors, backends and sources; of backends each as often as chance has it. */
export function assertSeen(
  check: Check,
  mode: RecordedMode,
  all: readonly Check[],
  attempts: readonly Attempt[],
): void {
  const { errors = {}, backends = {} } = check[mode];
  const where = `${check.check}: ${summary(attempts)}`;
  assert.deepEqual(Object.keys(count(attempts, "error")), Object.keys(errors), where);
  const kinds = Object.keys(backends).length + Object.keys(errors).length;
  const seen = { ...count(attempts, "id"), ...count(attempts, "error") };
  // A few recorded connections need not have met every backend.
  const few = (check[mode].attempts ?? 0) < 20;
  const possible = new Set((few ? all : [check]).flatMap((one) => Object.keys(one[mode].backends ?? {})));
  for (const [id, times] of Object.entries(seen)) {
    if (errors[id] === undefined) assert.ok(possible.has(id), where);
    if (!few) assertLikely(times, attempts.length, 1 / kinds, `${where}: ${id}`);
  }
  if (attempts.length >= 20 && !few) assert.equal(Object.keys(seen).length, kinds, where);
  for (const { id, src } of attempts) if (id !== undefined) assert.ok(sourcesOf(id, check, mode, all).has(src!), where);
}

/** Whom the backend may see: as recorded in this check or, where it was not met there, in another of the same place. */
function sourcesOf(id: string, check: Check, mode: RecordedMode, all: readonly Check[]): ReadonlySet<string> {
  const own = check[mode].sourceSeenByBackend?.[id];
  const others = all
    .filter(({ from }) => from === check.from)
    .flatMap((one) => one[mode].sourceSeenByBackend?.[id] ?? []);
  return new Set(own ?? others);
}

/** A binomial count lies within 5 standard deviations of its mean but for 1 in 1.7 million. */
function assertLikely(times: number, attempts: number, probability: number, what: string): void {
  const mean = attempts * probability;
  const deviation = Math.sqrt(mean * (1 - probability));
  assert.ok(Math.abs(times - mean) <= 5 * deviation, `${what}: ${times} of ${attempts}, expected ${mean}`);
}

export function count(attempts: readonly Attempt[], key: "id" | "error"): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { [key]: value } of attempts) if (value !== undefined) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

export function summary(attempts: readonly Attempt[]): string {
  return JSON.stringify({ ...count(attempts, "id"), ...count(attempts, "error") });
}

/** The one backend of each client. Asserts that there was but one. */
export function backendByClient(attempts: readonly Attempt[]): ReadonlyMap<string, string> {
  const byClient = new Map<string, string>();
  for (const { local = "", id } of attempts) {
    assert.ok(id !== undefined, summary(attempts));
    assert.equal(byClient.get(local) ?? id, id, `${local} met two backends`);
    byClient.set(local, id);
  }
  return byClient;
}
