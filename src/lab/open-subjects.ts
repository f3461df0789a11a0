import { planNode } from "../agent/plan.ts";
import { SluiceError } from "../core/errors.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { Counters } from "../dataplane/workers/counters.ts";
import type { ListenerStatus, WorkersStatus } from "../dataplane/workers/status.ts";
import type { Subject } from "../measure/experiment.ts";
import type { LoadTarget } from "../measure/load/task.ts";
import type { SubjectInfo } from "../measure/summarize.ts";
import { type WorkName, workOf } from "../measure/work.ts";
import type { Model } from "../model/model.ts";
import { compileProgram, type ProgramOptions } from "../modes/compile.ts";
import type { Program } from "../modes/program.ts";
import { type SocketAddr, TCP } from "../net/flow.ts";
import { formatIp } from "../net/ip.ts";
import type { TrafficSubject } from "./options.ts";
import { promiseOf } from "./promises.ts";
import { peers } from "./peers/peer.ts";
import type { StandIns } from "./stand-ins.ts";

/** A dataplane that says where it serves, and what it came to: what a subject is made of. */
export type ServingDataplane = Dataplane & {
  status(): ServingStatus | Promise<ServingStatus>;
  /** How long its threads or processes have run so far, in milliseconds; undefined: nobody tells. */
  processorMs?(): number | undefined;
};

export type ServingStatus = Pick<WorkersStatus, "listeners" | "notEmulated"> & {
  /** Of worker threads, the name of a peer, or what programs a kernel. */
  readonly engine: string;
  /** Empty where nobody listens in threads of ours. */
  readonly placement: WorkersStatus["placement"] | "";
  readonly counters: Pick<Counters, "refused" | "udpEvicted" | "datagramsLost">;
};

/** Of those who do not count. */
export const noTrouble: ServingStatus["counters"] = Object.freeze({ refused: 0, udpEvicted: 0, datagramsLost: 0 });

/** Something to measure, ready: the experiment's half and the summary's half. */
export interface OpenSubject {
  readonly subject: Subject;
  readonly info: SubjectInfo;
}

/** What all subjects of a run have in common. */
export interface Scene {
  /** With the stand-ins in it. */
  readonly model: Model;
  readonly tcp: StandIns | undefined;
  readonly udp: StandIns | undefined;
  readonly programs: ProgramOptions;
}

/** The reference: the client goes to the endpoints by itself, in turn. */
export function openDirect({ tcp, udp }: Scene, name: string, what: string): OpenSubject {
  const targets = { tcp: (tcp?.addrs ?? []).map(targetOf), udp: (udp?.addrs ?? []).map(targetOf) };
  return { subject: { name, targets }, info: { what, promiseOf: () => ({ kind: "none" }) } };
}

/**
 * Applies a mode's program to a dataplane, and finds out where clients reach the measured services.
 *
 * @throws {SluiceError} DATAPLANE_FAILED, also when it does not serve one of them.
 */
export async function openSubject(
  spec: TrafficSubject,
  dataplane: ServingDataplane,
  scene: Scene,
): Promise<OpenSubject> {
  const { name } = spec;
  const { mode, scheduler } = "peer" in spec ? ofPeers : spec;
  const ipvs = scheduler === undefined ? {} : { ipvs: { ...scene.programs.ipvs, scheduler } };
  const program = compileProgram(mode, scene.model, { ...scene.programs, ...ipvs });
  await dataplane.apply(program, planNode(scene.model, mode));
  const { listeners, engine } = await dataplane.status();
  const targetsOf = (standIns: StandIns | undefined): LoadTarget[] =>
    standIns === undefined ? [] : [targetOf(servedAt(name, listeners, standIns))];
  const scheduled = scheduler === undefined ? "" : `, scheduler ${scheduler}`;
  return {
    subject: {
      name,
      targets: { tcp: targetsOf(scene.tcp), udp: targetsOf(scene.udp) },
      processorMs: () => dataplane.processorMs?.(),
    },
    info:
      "peer" in spec
        ? { what: `${peers[spec.peer].what}; ${spec.version}`, promiseOf: () => ({ kind: "none" }) }
        : {
            what: `mode ${mode}${scheduled}, on the ${dataplane.name} dataplane, engine ${engine}`,
            promiseOf: (work) => promiseFor(program, scene, work),
          },
  };
}

/** What peers take endpoints from. */
const ofPeers = { mode: "ipvs", scheduler: "rr" } as const;

function promiseFor(program: Program, { tcp, udp }: Scene, work: WorkName): ReturnType<SubjectInfo["promiseOf"]> {
  const standIns = workOf(work).proto === TCP ? tcp : udp;
  return standIns === undefined ? { kind: "none" } : promiseOf(program, standIns, work);
}

/** Where the cluster IP of a service port is served. */
function servedAt(subject: string, listeners: readonly ListenerStatus[], { port }: StandIns): SocketAddr {
  const listener = listeners.find(
    ({ frontend }) =>
      frontend.kind === "cluster-ip" && frontend.servicePort === port.name && frontend.proto === port.proto,
  );
  if (listener?.at !== undefined) return listener.at;
  const what = `${subject} does not serve ${port.name}: ${listener?.reason ?? "the mode does not know it"}`;
  throw new SluiceError("DATAPLANE_FAILED", what, { dataplane: subject, what });
}

function targetOf({ ip, port }: SocketAddr): LoadTarget {
  return { host: formatIp(ip), port };
}
