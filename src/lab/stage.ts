import { systemClock } from "../core/clock.ts";
import { configInvalid } from "../core/errors.ts";
import type { ServiceInfo } from "../measure/distribution.ts";
import type { ExperimentPlan, Rig } from "../measure/experiment.ts";
import { startLoadGenerator } from "../measure/load/start-generator.ts";
import type { Unmeasured } from "../measure/result.ts";
import type { SubjectInfo } from "../measure/summarize.ts";
import { type WorkName, workOf } from "../measure/work.ts";
import { buildModel } from "../model/build.ts";
import type { ServicePort } from "../model/service-port.ts";
import { TCP } from "../net/flow.ts";
import { type ChosenPorts, chooseServicePorts } from "./choose-service.ts";
import { engineText, noteTexts, serviceInfo } from "./describe.ts";
import { createKubeProxySubject } from "./kube-api/kube-proxy.ts";
import type { NetworkNode } from "./network/network.ts";
import { type EmulatedCase, emulatedCases } from "./emulated/emulated-subjects.ts";
import { openPlace } from "./network/open-place.ts";
import { openCast, statusesOf } from "./open-cast.ts";
import type { Scene, ServingDataplane } from "./open-subjects.ts";
import {
  type BenchOptions,
  type EmulatedSubject,
  type OwnSubject,
  type ResolvedBenchOptions,
  trafficSubjects,
} from "./options.ts";
import { findPeers } from "./peers/find-peers.ts";
import { planTiming } from "./plan.ts";
import { startStandIns, withStandIns } from "./stand-ins.ts";

/**
 * Makes the dataplane of one subject; nothing is applied to it yet.
 *
 * @param servicePorts that it is to serve.
 * @param node its own in a network; undefined: it is on loopback.
 */
export type CreateDataplane = (
  options: ResolvedBenchOptions,
  spec: OwnSubject,
  servicePorts: readonly string[],
  node: NetworkNode | undefined,
) => ServingDataplane;

/** Everything that a run needs, open. */
export interface Stage {
  readonly plan: ExperimentPlan;
  readonly rig: Rig;
  readonly subjects: readonly SubjectInfo[];
  readonly services: readonly ServiceInfo[];
  /** Subjects without traffic. */
  readonly emulated: readonly EmulatedCase[];
  /** Subjects that this host cannot have, and why. */
  readonly unmeasured: readonly Unmeasured[];
  /** What moves the bytes. */
  readonly engine: string;
  /** Since when the budget runs, on the system clock; absent: since the run began. */
  readonly readyMs?: number;
  /** What a reader has to know; after the experiment, before `close`. */
  notes(): Promise<string[]>;
  close(): Promise<void>;
}

/** An answer that takes longer is an error. */
export const TIMEOUT_MS = 2000;
/** What emulated subjects take of the budget, before the slices. */
const SWEEPS_MS = 4000;

/** Opens backends, dataplanes and generator. When one of them cannot be had, none stays open. */
export async function openStage(
  options: BenchOptions,
  resolved: ResolvedBenchOptions,
  create: CreateDataplane,
): Promise<Stage> {
  const { snapshot, nodeName, service, programs = {}, signal } = options;
  const ports = chooseServicePorts(buildModel(snapshot, nodeName), service);
  const works = worksFor(ports, resolved.works);
  const chosen = usedBy(works, ports);
  const emulated = resolved.subjects.filter((spec): spec is EmulatedSubject => "emulated" in spec);
  const found = await findPeers(trafficSubjects(resolved.subjects), works);
  const budgetMs = resolved.budgetMs - (emulated.length > 0 ? SWEEPS_MS : 0);
  // Before anything is opened: a budget that is too small for all of them is refused at once.
  planTiming(budgetMs, found.subjects.length + 2, works.length);

  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    const [place, ...others] = opened.splice(0);
    await Promise.all(others.map((one) => one.close()));
    await place?.close();
  };
  try {
    const place = await openPlace(found.subjects, chosen);
    opened.push({ close: async () => place.network?.close() });
    const { tcp, udp, echoes } = await startStandIns(chosen, place.standIns);
    opened.push(echoes);
    const standIns = [tcp, udp].filter((one) => one !== undefined);
    const shown = withStandIns(snapshot, standIns);
    const scene: Scene = { model: buildModel(shown, nodeName), tcp, udp, programs };
    const servicePorts = standIns.map(({ port }) => port.name);
    const cast = await openCast(place, scene, (spec, node) => {
      const dataplane =
        "kubeProxy" in spec
          ? createKubeProxySubject(node!.netns, { path: spec.kubeProxy, snapshot: shown, nodeName, programs, signal })
          : create(resolved, spec, servicePorts, node);
      opened.push(dataplane);
      return dataplane;
    });
    const generator = startLoadGenerator(resolved.generator, place.network?.client);
    opened.push(generator);
    return {
      plan: {
        subjects: cast.subjects.map(({ subject }) => subject),
        works,
        ...planTiming(budgetMs, cast.subjects.length, works.length),
        messageBytes: resolved.messageBytes,
        timeoutMs: TIMEOUT_MS,
        seed: resolved.seed,
      },
      rig: { generator, backends: echoes, clock: systemClock },
      subjects: cast.subjects.map(({ info }) => info),
      services: standIns.map(serviceInfo),
      emulated: emulatedCases(emulated, scene, resolved.seed),
      unmeasured: [...found.unmeasured, ...place.unmeasured, ...cast.unmeasured],
      engine: engineText(resolved, [...(await statusesOf(cast)).values()]),
      notes: async () => noteTexts(ports, await statusesOf(cast), place.network !== undefined),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What no work uses needs no backends. */
function usedBy(works: readonly WorkName[], { tcp, udp }: ChosenPorts): ChosenPorts {
  const uses = (port: ServicePort | undefined): boolean => works.some((work) => workOf(work).proto === port?.proto);
  return { tcp: uses(tcp) ? tcp : undefined, udp: uses(udp) ? udp : undefined };
}

/** @throws {SluiceError} CONFIG_INVALID when the cluster has a service for none of them. */
function worksFor({ tcp, udp }: ChosenPorts, works: readonly WorkName[]): readonly WorkName[] {
  const possible = works.filter((work) => (workOf(work).proto === TCP ? tcp : udp) !== undefined);
  if (possible.length > 0) return possible;
  const expected = `works over ${tcp === undefined ? "UDP" : "TCP"}, since the service has no other port to measure`;
  throw configInvalid("works", expected, works.join(", "));
}
