import { isSluiceError } from "../core/errors.ts";
import type { Unmeasured } from "../measure/result.ts";
import type { NetworkNode } from "./network/network.ts";
import type { Place } from "./network/open-place.ts";
import {
  openDirect,
  openSubject,
  type OpenSubject,
  type Scene,
  type ServingDataplane,
  type ServingStatus,
} from "./open-subjects.ts";
import type { TrafficSubject } from "./options.ts";

/** All subjects of a run that there are. */
export interface Cast {
  /** The reference, the reference again, then a subject a dataplane. */
  readonly subjects: readonly OpenSubject[];
  readonly dataplanes: ReadonlyMap<string, ServingDataplane>;
  readonly unmeasured: readonly Unmeasured[];
}

/** One after the other, so that an error leaves none half applied. What a kernel cannot do is named, and left out. */
export async function openCast(
  { network, subjects: specs }: Place,
  scene: Scene,
  create: (spec: TrafficSubject, node: NetworkNode | undefined) => ServingDataplane,
): Promise<Cast> {
  const bare = await network?.addNode();
  const subjects = [
    via(bare, openDirect(scene, "direct", "no proxy: the client goes to the endpoints by itself, in turn")),
    via(bare, openDirect(scene, "direct-again", "direct once more, as a control of the noise")),
  ];
  const dataplanes = new Map<string, ServingDataplane>();
  const unmeasured: Unmeasured[] = [];
  for (const spec of specs) {
    if ("kernel" in spec && spec.mode === "userspace") {
      unmeasured.push({
        subject: spec.name,
        reason: "the userspace mode moves bytes in a process: measure it on workers",
      });
      continue;
    }
    try {
      const node = await network?.addNode();
      const dataplane = create(spec, node);
      subjects.push(via(node, await openSubject(spec, dataplane, scene)));
      dataplanes.set(spec.name, dataplane);
    } catch (error) {
      const reason = "kernel" in spec || "kubeProxy" in spec ? reasonOf(error) : undefined;
      if (reason === undefined) throw error;
      unmeasured.push({ subject: spec.name, reason });
    }
  }
  return { subjects, dataplanes, unmeasured };
}

/** How each dataplane is doing, by its subject. */
export async function statusesOf({ dataplanes }: Cast): Promise<ReadonlyMap<string, ServingStatus>> {
  const entries = [...dataplanes].map(async ([name, dataplane]) => [name, await dataplane.status()] as const);
  return new Map(await Promise.all(entries));
}

/** What a kernel could not do; undefined: it was something else. */
function reasonOf(error: unknown): string | undefined {
  if (isSluiceError(error, "HOST_UNABLE")) return error.details.missing;
  return isSluiceError(error, "DATAPLANE_FAILED") ? error.details.what : undefined;
}

function via(node: NetworkNode | undefined, { subject, info }: OpenSubject): OpenSubject {
  return node === undefined ? { subject, info } : { subject: { ...subject, enter: node.enter }, info };
}
