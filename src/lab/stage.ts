import { systemClock } from "../core/clock.ts";
import { configInvalid } from "../core/errors.ts";
import type { ServiceInfo } from "../measure/distribution.ts";
import type { ExperimentPlan, Rig } from "../measure/experiment.ts";
import { startLoadGenerator } from "../measure/load/generator.ts";
import type { Unmeasured } from "../measure/result.ts";
import type { SubjectInfo } from "../measure/summarize.ts";
import { type WorkName, workOf } from "../measure/work.ts";
import { buildModel } from "../model/build.ts";
import type { ServicePort } from "../model/service-port.ts";
import { TCP } from "../net/flow.ts";
import { type ChosenPorts, chooseServicePorts } from "./choose-service.ts";
import { engineText, noteTexts, serviceInfo } from "./describe.ts";
import {
  openDirect,
  openSubject,
  type OpenSubject,
  type Scene,
  type ServingDataplane,
  type ServingStatus,
} from "./open-subjects.ts";
import type { BenchOptions, ResolvedBenchOptions, SubjectSpec } from "./options.ts";
import { findPeers } from "./peers/find-peers.ts";
import { planTiming } from "./plan.ts";
import { startStandIns, withStandIns } from "./stand-ins.ts";

/** Makes the dataplane of one subject; nothing is applied to it yet. @param servicePorts that it is to serve. */
export type CreateDataplane = (
  options: ResolvedBenchOptions,
  spec: SubjectSpec,
  servicePorts: readonly string[],
) => ServingDataplane;

/** Everything that a run needs, open. */
export interface Stage {
  readonly plan: ExperimentPlan;
  readonly rig: Rig;
  readonly subjects: readonly SubjectInfo[];
  readonly services: readonly ServiceInfo[];
  /** Subjects that this host cannot have, and why. */
  readonly unmeasured: readonly Unmeasured[];
  /** What moves the bytes. */
  readonly engine: string;
  /** What a reader has to know; after the experiment, before `close`. */
  notes(): string[];
  close(): Promise<void>;
}

/** An answer that takes longer is an error. */
const TIMEOUT_MS = 2000;

/** Opens backends, dataplanes and generator. When one of them cannot be had, none stays open. */
export async function openStage(
  options: BenchOptions,
  resolved: ResolvedBenchOptions,
  create: CreateDataplane,
): Promise<Stage> {
  const { snapshot, nodeName, service, programs = {} } = options;
  const found = chooseServicePorts(buildModel(snapshot, nodeName), service);
  const works = worksFor(found, resolved.works);
  const chosen = usedBy(works, found);
  const { subjects: specs, unmeasured } = await findPeers(resolved.subjects, works);
  const timing = planTiming(resolved.budgetMs, specs.length + 2, works.length);

  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((one) => one.close()));
  };
  try {
    const { tcp, udp, echoes } = await startStandIns(chosen);
    opened.push(echoes);
    const standIns = [tcp, udp].filter((one) => one !== undefined);
    const model = buildModel(withStandIns(snapshot, standIns), nodeName);
    const scene: Scene = { model, tcp, udp, programs };
    const servicePorts = standIns.map(({ port }) => port.name);
    const dataplanes = specs.map((spec) => {
      const dataplane = create(resolved, spec, servicePorts);
      opened.push(dataplane);
      return dataplane;
    });
    const subjects = await openSubjects(specs, dataplanes, scene);
    const generator = startLoadGenerator();
    opened.push(generator);
    return {
      plan: {
        subjects: subjects.map(({ subject }) => subject),
        works,
        ...timing,
        messageBytes: resolved.messageBytes,
        timeoutMs: TIMEOUT_MS,
        seed: resolved.seed,
      },
      rig: { generator, backends: echoes, clock: systemClock },
      subjects: subjects.map(({ info }) => info),
      services: standIns.map(serviceInfo),
      unmeasured,
      engine: engineText(
        resolved,
        dataplanes.map((dataplane) => dataplane.status()),
      ),
      notes: () => noteTexts(found, statusesOf(specs, dataplanes)),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The reference twice, then a subject a dataplane; one after the other, so that an error leaves none half applied. */
async function openSubjects(
  specs: readonly SubjectSpec[],
  dataplanes: readonly ServingDataplane[],
  scene: Scene,
): Promise<OpenSubject[]> {
  const subjects = [
    openDirect(scene, "direct", "no proxy: the client goes to the endpoints by itself, in turn"),
    openDirect(scene, "direct-again", "direct once more, as a control of the noise"),
  ];
  for (const [at, spec] of specs.entries()) subjects.push(await openSubject(spec, dataplanes[at]!, scene));
  return subjects;
}

function statusesOf(
  specs: readonly SubjectSpec[],
  dataplanes: readonly ServingDataplane[],
): ReadonlyMap<string, ServingStatus> {
  return new Map(specs.map(({ name }, at) => [name, dataplanes[at]!.status()]));
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
