import { systemClock } from "../core/clock.ts";
import { balancerInvalid } from "../core/errors.ts";
import { freshSeed, seededRandom } from "../core/random.ts";
import type { Flow } from "../net/flow.ts";
import { type BackendSpec, readBackendSpecs } from "./backend-spec.ts";
import { BackendTable } from "./backend-table.ts";
import { NO_BACKEND } from "./balancer.ts";
import { type BalancerOptions, resolveBalancerOptions } from "./balancer-options.ts";
import { checkFlow } from "./check-flow.ts";
import { createClientAffinity } from "./client-affinity.ts";
import { createClientPersistence, type Template } from "./client-persistence.ts";
import type { Explanation } from "./explanation.ts";
import {
  type BackendExplanation,
  type BalancerSources,
  type FlowOutcome,
  type Lease,
  type LeasingBalancer,
} from "./leasing-balancer.ts";
import { readSnapshot, takeSnapshot } from "./snapshot.ts";

/**
 * Makes a balancer.
 *
 * @param backends at least one; left out, there is none yet, and `acquire` gives undefined until `update` or `put` names
 *   some.
 * @throws {SluiceError} BALANCER_INVALID for an unknown algorithm, for an option or a source that it does not take, and
 *   for what `update` refuses.
 */
export function createBalancer(
  options: BalancerOptions,
  backends?: readonly BackendSpec[],
  sources: BalancerSources = {},
): LeasingBalancer {
  const resolved = resolveBalancerOptions(options);
  const { name, algorithm, kernel, affinitySeconds, persistence: persisting } = resolved;
  const { random, clock } = resolveSources(sources);
  let table = new BackendTable(algorithm, kernel, random);
  let affinity = affinitySeconds > 0 ? createClientAffinity(affinitySeconds) : undefined;
  let persistence = persisting && createClientPersistence(persisting);

  const remembered = (flow: Flow, nowMs: number): number => {
    const slot = affinity?.find(flow.src, nowMs) ?? NO_BACKEND;
    return slot !== NO_BACKEND && table.admits(slot) ? slot : NO_BACKEND;
  };
  const listedSlot = (id: string): number => {
    const slot = table.slotOf(id);
    if (slot === NO_BACKEND) throw balancerInvalid("id", "the id of a listed backend", id);
    return slot;
  };
  const isListed = (id: string): boolean => table.slotOf(id) !== NO_BACKEND;
  /** @param sinceMs when its flow began. */
  const leaseOf = (slot: number, sinceMs: number, template: Template | undefined): Lease => {
    const owner = table;
    const backend = table.idOf(slot);
    let held = true;
    return {
      backend,
      release(outcome) {
        if (!held || owner !== table) throw balancerInvalid("lease", "a lease that is still held", backend);
        const { latencyMs, failed } = readOutcome(outcome);
        held = false;
        if (table.goesByLatency) {
          const nowMs = clock.nowMs();
          table.observed(slot, latencyMs ?? nowMs - sinceMs, nowMs, failed);
        }
        if (template !== undefined) persistence?.closed(template, clock.nowMs());
        table.closed(slot);
      },
    };
  };

  if (backends !== undefined) table.update(readBackendList(backends));
  return {
    algorithm: name,
    acquire(flow) {
      checkFlow(flow);
      const nowMs = clock.nowMs();
      const known = persistence?.find(flow.src, nowMs, isListed);
      let slot = known === undefined ? remembered(flow, nowMs) : table.slotOf(known.backend);
      if (slot === NO_BACKEND) slot = table.pick(flow, nowMs);
      if (slot === NO_BACKEND) return undefined;
      affinity?.remember(flow.src, slot, nowMs);
      const template = known ?? persistence?.add(flow.src, table.idOf(slot), nowMs);
      if (template !== undefined) persistence?.opened(template, nowMs);
      table.opened(slot);
      return leaseOf(slot, nowMs, template);
    },
    explain(flow) {
      checkFlow(flow);
      const nowMs = clock.nowMs();
      const template = persistence?.look(flow.src, nowMs, isListed);
      if (template !== undefined) return explainTemplate(template, nowMs);
      const slot = remembered(flow, nowMs);
      if (slot === NO_BACKEND) return inTermsOfBackends(table.explain(flow, nowMs), table);
      const rule = `affinity: the backend of this client's last flow, for ${affinitySeconds} s after it`;
      return { backend: table.idOf(slot), byChance: false, rule, candidates: [] };
    },
    update(backends) {
      for (const slot of table.update(readBackendList(backends))) affinity?.forget(slot);
    },
    put(backend) {
      for (const [id, settings] of readBackendSpecs([backend])) table.put(id, settings);
    },
    remove(id) {
      const slot = listedSlot(id);
      table.remove(slot);
      affinity?.forget(slot);
    },
    counts: () => table.counts(),
    probed(id, answer) {
      const slot = listedSlot(id);
      checkNotNegative("inFlight", answer?.inFlight);
      checkNotNegative("latencyMs", answer?.latencyMs);
      table.probed(slot, answer.inFlight, answer.latencyMs, clock.nowMs());
    },
    snapshot() {
      const nowMs = clock.nowMs();
      return takeSnapshot(resolved, table.save(), affinity?.clients(nowMs) ?? [], persistence?.save(nowMs) ?? []);
    },
    restore(snapshot) {
      const saved = readSnapshot(resolved, snapshot);
      table = new BackendTable(algorithm, kernel, random, saved.table);
      affinity &&= createClientAffinity(affinitySeconds, saved.clients);
      persistence = persisting && createClientPersistence(persisting, saved.templates);
      const nowMs = clock.nowMs();
      const templates = persistence?.byLease();
      return saved.table.backends.flatMap(({ id, slot, active }) =>
        Array.from({ length: active }, (_, nth) => leaseOf(slot, nowMs, templates?.get(id)?.[nth])),
      );
    },
  };
}

function readBackendList(backends: readonly BackendSpec[]): ReturnType<typeof readBackendSpecs> {
  const settings = readBackendSpecs(backends);
  if (settings.size === 0) throw balancerInvalid("backends", "at least one backend", backends);
  return settings;
}

function resolveSources(sources: BalancerSources): Required<BalancerSources> {
  checkFields("sources", sources, ["random", "clock"]);
  const { random = seededRandom(freshSeed()), clock = systemClock } = sources;
  if (typeof random?.u32 !== "function" || typeof random.below !== "function") {
    throw balancerInvalid("random", "{ u32, below }, such as seededRandom gives", random);
  }
  if (typeof clock?.nowMs !== "function") throw balancerInvalid("clock", "{ nowMs }, such as systemClock", clock);
  return { random, clock };
}

function readOutcome(outcome: FlowOutcome = {}): { latencyMs: number | undefined; failed: boolean } {
  checkFields("outcome", outcome, ["latencyMs", "failed"]);
  const { latencyMs, failed = false } = outcome;
  if (latencyMs !== undefined) checkNotNegative("latencyMs", latencyMs);
  if (typeof failed !== "boolean") throw balancerInvalid("failed", "true or false", failed);
  return { latencyMs, failed };
}

function checkFields(what: string, value: object, fields: readonly string[]): void {
  const expected = `{ ${fields.join(", ")} }`;
  if (typeof value !== "object" || value === null) throw balancerInvalid(what, expected, value);
  for (const [field, own] of Object.entries(value)) {
    if (!fields.includes(field)) throw balancerInvalid(field, `no field of the ${what} but ${fields.join(", ")}`, own);
  }
}

function checkNotNegative(path: string, value: unknown): void {
  if (typeof value !== "number" || !(value >= 0 && value < Infinity)) {
    throw balancerInvalid(path, "a number of at least 0", value);
  }
}

function inTermsOfBackends({ slot, rule, candidates }: Explanation, table: BackendTable): BackendExplanation {
  return {
    backend: slot === undefined || slot === NO_BACKEND ? undefined : table.idOf(slot),
    byChance: slot === undefined,
    rule,
    candidates: candidates.map(({ slot, value, meaning }) => ({ backend: table.idOf(slot), value, meaning })),
  };
}

function explainTemplate({ backend, untilMs, leases }: Template, nowMs: number): BackendExplanation {
  const rule = "persistence: the backend of this client's template, whatever its weight and load";
  const seconds = (untilMs - nowMs) / 1000;
  const meaning = `seconds that the template has left; flows of it that are open: ${leases}`;
  return { backend, byChance: false, rule, candidates: [{ backend, value: seconds, meaning }] };
}
