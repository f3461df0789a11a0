import type { Prober } from "../../measure/probe/probe.ts";
import type { ChangeTrial, SlowTrial } from "../../measure/sharing/summarize-sharing.ts";
import type { ChangingSubject } from "../faults/changing-subject.ts";
import type { EndpointProcess } from "../faults/endpoint-processes.ts";

/** Lanes: as many connections are open at a time, twice as many as endpoints. */
export const LANES = 8;
/** Connections of a subject in a block. */
export const REQUESTS = 320;
/** Clients of a subject in a block, each an address of its own. */
export const CLIENTS = 240;
/** A request that takes longer has failed, in milliseconds: nothing is to fail here. */
const PATIENCE_MS = 5000;

export interface SharingStage {
  readonly prober: Prober;
  /** The slow one first. */
  readonly endpoints: readonly EndpointProcess[];
  /** Comes and goes. */
  readonly guest: EndpointProcess;
}

/** Connections one after the other in each lane. */
export async function playSlow(subject: ChangingSubject, { prober, endpoints }: SharingStage): Promise<SlowTrial> {
  await subject.show(endpoints.map((process) => ({ process })));
  const loop = { kind: "closed", connecting: "fresh", lanes: LANES, requests: REQUESTS, sources: [] } as const;
  const { fresh } = await prober.run({ targets: subject.targets(), timeoutMs: PATIENCE_MS, loop });
  return { subject: subject.name, asked: fresh };
}

/** Every client connects once before, once while there is one endpoint more, and once after. @param block 0…199. */
export async function playChange(
  subject: ChangingSubject,
  { prober, endpoints, guest }: SharingStage,
  block: number,
): Promise<ChangeTrial> {
  const sources = Array.from({ length: CLIENTS }, (_, at) => `127.${30 + block}.0.${at + 1}`);
  const own = endpoints.map((process) => ({ process }));
  const ask = async (shown: readonly { readonly process: EndpointProcess }[]) => {
    await subject.show(shown);
    const loop = { kind: "closed", connecting: "fresh", lanes: LANES, requests: CLIENTS, sources } as const;
    return (await prober.run({ targets: subject.targets(), timeoutMs: PATIENCE_MS, loop })).fresh;
  };
  const before = await ask(own);
  const during = await ask([...own, { process: guest }]);
  const after = await ask(own);
  return { subject: subject.name, before, during, after };
}
