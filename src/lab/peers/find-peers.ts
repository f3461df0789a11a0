import { configInvalid } from "../../core/errors.ts";
import type { Unmeasured } from "../../measure/result.ts";
import { type WorkName, workOf } from "../../measure/work.ts";
import { UDP } from "../../net/flow.ts";
import { kubeProxyVersion } from "../kube-api/kube-proxy.ts";
import type { TrafficSubject } from "../options.ts";
import { peerVersion } from "./peer-dataplane.ts";
import { type Peer, peers } from "./peer.ts";

/** The subjects that this host has, and those that it lacks. */
export interface FoundSubjects {
  readonly subjects: readonly TrafficSubject[];
  readonly unmeasured: readonly Unmeasured[];
}

/**
 * Asks peers for their versions, and a kube-proxy for its own.
 *
 * @throws {SluiceError} CONFIG_INVALID for a work that a peer does not do.
 */
export async function findPeers(specs: readonly TrafficSubject[], works: readonly WorkName[]): Promise<FoundSubjects> {
  const udp = works.find((work) => workOf(work).proto === UDP);
  const subjects: TrafficSubject[] = [];
  const unmeasured: Unmeasured[] = [];
  for (const spec of specs) {
    if ("kubeProxy" in spec && (await kubeProxyVersion(spec.kubeProxy)) === undefined) {
      unmeasured.push({ subject: spec.name, reason: `${spec.kubeProxy} does not run` });
      continue;
    }
    if (!("peer" in spec)) {
      subjects.push(spec);
      continue;
    }
    const peer: Peer = peers[spec.peer];
    if (udp !== undefined && !peer.udp) throw configInvalid("works", `none over UDP with ${spec.name}`, udp);
    const version = await peerVersion(spec.peer);
    if (version !== undefined) subjects.push({ ...spec, version });
    else unmeasured.push({ subject: spec.name, reason: `${peer.version[0]} is not installed` });
  }
  return { subjects, unmeasured };
}
