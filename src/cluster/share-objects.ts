import { isDeepStrictEqual } from "node:util";
import type { ClusterObject } from "./objects.ts";
import { type ClusterSnapshot, objectKey } from "./state.ts";

/**
 * The later snapshot, in which every object that says what it said before is the very one of before (`===`). So memory
 * holds it once, and whoever goes by identity sees at once what has changed. O(objects), by their content.
 */
export function shareObjects(before: ClusterSnapshot, after: ClusterSnapshot): ClusterSnapshot {
  return {
    services: shared(before.services, after.services),
    endpointSlices: shared(before.endpointSlices, after.endpointSlices),
    endpoints: shared(before.endpoints, after.endpoints),
    nodes: shared(before.nodes, after.nodes),
    serviceCidrs: shared(before.serviceCidrs, after.serviceCidrs),
  };
}

function shared<O extends ClusterObject>(before: readonly O[], after: readonly O[]): readonly O[] {
  const known = new Map(before.map((object) => [objectKey(object), object]));
  return after.map((object) => {
    const was = known.get(objectKey(object));
    return was !== undefined && isDeepStrictEqual(was, object) ? was : object;
  });
}
