import { planNode } from "../../agent/plan.ts";
import type { ClusterSnapshot } from "../../cluster/state.ts";
import { configInvalid } from "../../core/errors.ts";
import type { LoadTarget } from "../../measure/load/task.ts";
import type { Prober } from "../../measure/probe/probe.ts";
import { buildModel } from "../../model/build.ts";
import type { ServicePort } from "../../model/service-port.ts";
import { createProgramCompiler, type ProgramOptions } from "../../modes/compile.ts";
import type { Program } from "../../modes/program.ts";
import { formatIp } from "../../net/ip.ts";
import { openSubject, type ServingDataplane } from "../open-subjects.ts";
import type { TrafficSubject } from "../options.ts";
import { type ShownEndpoint, showEndpoints } from "./shown-cluster.ts";

/** Something that connections go through while endpoints come and go. */
export interface ChangingSubject {
  readonly name: string;
  /** One sentence for a reader of the result. */
  readonly what: string;
  /** Where clients reach it now. */
  targets(): readonly LoadTarget[];
  /** From when it resolves on, new connections go to these endpoints. */
  show(endpoints: readonly ShownEndpoint[]): Promise<void>;
}

/** What all subjects have in common. */
export interface ChangingScene {
  readonly snapshot: ClusterSnapshot;
  readonly nodeName: string;
  readonly port: ServicePort;
  readonly programs: ProgramOptions;
}

/** The reference: a client that goes to the endpoints by itself, and learns of changes when the others do. */
export function changingDirect(name: string, what: string, prober: Pick<Prober, "aim">): ChangingSubject {
  let targets: readonly LoadTarget[] = [];
  return {
    name,
    what,
    targets: () => targets,
    show(endpoints) {
      const ready = endpoints.filter(({ terminating }) => terminating !== true);
      targets = ready.map(({ process: { addr } }) => ({ host: formatIp(addr.ip), port: addr.port }));
      prober.aim(targets);
      return Promise.resolve();
    },
  };
}

/**
 * A mode on a dataplane.
 *
 * @param first the endpoints to begin with.
 * @throws {SluiceError} CONFIG_INVALID for a subject that is no mode; DATAPLANE_FAILED.
 */
export async function changingMode(
  spec: TrafficSubject,
  dataplane: ServingDataplane,
  { snapshot, nodeName, port, programs }: ChangingScene,
  first: readonly ShownEndpoint[],
): Promise<ChangingSubject> {
  if (!("mode" in spec)) throw configInvalid("subjects", "modes only, in this plan", spec.name);
  const modelOf = (endpoints: readonly ShownEndpoint[]) =>
    buildModel(showEndpoints(snapshot, port, endpoints), nodeName);
  const standIns = { port, endpoints: [], addrs: [], backends: [] };
  const scene = { model: modelOf(first), tcp: standIns, udp: undefined, programs };
  const { subject, info } = await openSubject(spec, dataplane, scene);
  const ipvs = spec.scheduler === undefined ? {} : { ipvs: { ...programs.ipvs, scheduler: spec.scheduler } };
  const compile = createProgramCompiler(spec.mode, { ...programs, ...ipvs });
  let program: Program | undefined;
  return {
    name: spec.name,
    what: info.what,
    targets: () => subject.targets.tcp,
    async show(endpoints) {
      const model = modelOf(endpoints);
      program = compile(model, program);
      await dataplane.apply(program, planNode(model, spec.mode));
    },
  };
}
