import { planNode } from "../../agent/plan.ts";
import type { BalancePromise } from "../../measure/balance.ts";
import type { ServiceInfo } from "../../measure/distribution.ts";
import type { WorkName } from "../../measure/work.ts";
import { compileProgram } from "../../modes/compile.ts";
import { TCP } from "../../net/flow.ts";
import { serviceInfo } from "../describe.ts";
import type { Scene } from "../open-subjects.ts";
import type { EmulatedSubject } from "../options.ts";
import { promiseOf } from "../promises.ts";
import type { StandIns } from "../stand-ins.ts";
import type { SweepRequest } from "./sweep.ts";

/** An emulated subject at one of the measured services, ready to be swept. */
export interface EmulatedCase {
  readonly subject: string;
  /** One sentence for a reader of the result. */
  readonly what: string;
  readonly service: ServiceInfo;
  readonly promise: BalancePromise;
  readonly sweep: SweepRequest;
}

/** Enough for an interval by resampling. */
export const SWEEP_BLOCKS = 12;
const SWEEP_FLOWS = 1024;
/** Promises depend on how many connections are open at a time; these are of the work that opens one for each request. */
const likeWork: WorkName = "tcp-connect-request-close";
const LANES = 4;

/** Every emulated subject at every measured service; each with a seed of its own. */
export function emulatedCases(specs: readonly EmulatedSubject[], scene: Scene, seed: number): EmulatedCase[] {
  const standIns = [scene.tcp, scene.udp].filter((one) => one !== undefined);
  return specs.flatMap((spec, place) => {
    const { name, mode, scheduler } = spec;
    const ipvs = scheduler === undefined ? {} : { ipvs: { ...scene.programs.ipvs, scheduler } };
    const program = compileProgram(mode, scene.model, { ...scene.programs, ...ipvs });
    const plan = planNode(scene.model, mode);
    const scheduled = scheduler === undefined ? "" : `, scheduler ${scheduler}`;
    return standIns.map((one, at): EmulatedCase => {
      const { port, addrs } = one;
      const sweep: SweepRequest = {
        program,
        plan,
        proto: port.proto,
        to: { ip: port.clusterIp, port: port.port },
        endpoints: addrs,
        lanes: LANES,
        blocks: SWEEP_BLOCKS,
        flows: SWEEP_FLOWS,
        seed: (seed + standIns.length * place + at) % 2 ** 32,
      };
      const what = `mode ${mode}${scheduled}, in the emulator: packets in memory, no traffic`;
      return { subject: name, what, service: ownInfo(one), promise: promiseOf(program, one, workLike(one)), sweep };
    });
  });
}

function workLike({ port }: StandIns): WorkName {
  return port.proto === TCP ? likeWork : "udp-request-response";
}

/** Endpoints by their place in the service, since nobody's backends are asked. */
function ownInfo(standIns: StandIns): ServiceInfo {
  return { ...serviceInfo(standIns), backends: standIns.addrs.map((_, at) => at) };
}
