import { define } from "./definition.ts";
import { roundRobin } from "./rr.ts";

/**
 * Round robin as kube-proxy's userspace mode had it, up to Kubernetes 1.25: as `rr`, over a list that is shuffled
 * whenever a backend is added or removed, after which the turn starts again at its head.
 *
 * The shuffling is done by whoever edits the list, which is what `order` says: it is one for many edits.
 *
 * Costs as `rr`; a change of the set O(n log n). Source: Kubernetes pkg/proxy/userspace/roundrobin.go.
 */
export const userspace = define("userspace", {}, () => ({ ...roundRobin("userspace"), order: "shuffled" }));
