import { isDeepStrictEqual } from "node:util";
import type { ClusterObject, EndpointSlice } from "../../cluster/objects.ts";
import { type ClusterSnapshot, objectKey } from "../../cluster/state.ts";
import type { Family } from "../../net/ip.ts";

/** What changed from one snapshot to the next. */
export interface SnapshotChanges {
  /** Services that came, went or changed. */
  readonly services: number;
  /** EndpointSlices, and Endpoints, that did. */
  readonly endpoints: number;
  /** When the changes of the slices that are there began in the cluster, by the slices' own account: ms since 1970. */
  readonly triggeredMs: Readonly<Record<Family, readonly number[]>>;
}

/** When the change began that the endpoint controller wrote into the slice. */
const TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time";

/**
 * Compares two snapshots object by object. O(objects).
 *
 * @param sinceMs changes that began before are left out: nobody was there to bring them into force.
 */
export function snapshotChanges(before: ClusterSnapshot, after: ClusterSnapshot, sinceMs: number): SnapshotChanges {
  const slices = changed(before.endpointSlices, after.endpointSlices);
  const endpoints = changed(before.endpoints, after.endpoints);
  const triggeredMs = (family: Family): readonly number[] =>
    slices.present
      .filter(({ addressType }) => addressType === `IPv${family}`)
      .map(triggerMs)
      .filter((ms) => ms >= sinceMs);
  return {
    services: count(changed(before.services, after.services)),
    endpoints: count(slices) + count(endpoints),
    triggeredMs: { 4: triggeredMs(4), 6: triggeredMs(6) },
  };
}

interface Changed<O> {
  /** New or different. */
  readonly present: readonly O[];
  readonly gone: number;
}

function changed<O extends ClusterObject>(before: readonly O[], after: readonly O[]): Changed<O> {
  const known = new Map(before.map((object) => [objectKey(object), object]));
  const present = after.filter((object) => !isDeepStrictEqual(known.get(objectKey(object)), object));
  const kept = after.filter((object) => known.has(objectKey(object))).length;
  return { present, gone: before.length - kept };
}

function count({ present, gone }: Changed<ClusterObject>): number {
  return present.length + gone;
}

/** NaN where the slice does not say. */
function triggerMs({ metadata }: EndpointSlice): number {
  return Date.parse(metadata.annotations[TRIGGER_TIME] ?? "");
}
