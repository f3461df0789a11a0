import type { Node, ObjectMeta } from "../objects.ts";
import { addressRange, text } from "./checks.ts";
import type { Fields } from "./fields.ts";

/** Reads a v1 Node. Its addresses may be names as well; kube-proxy passes over what is no address. */
export function readNode(object: Fields, metadata: ObjectMeta): Node {
  const spec = object.child("spec");
  // The API server keeps the two alike; a text written by hand may have the older one alone.
  const podCidr = spec.choice("podCIDR", addressRange);
  const deletionTimestamp = object.child("metadata").optional("deletionTimestamp", text);
  return {
    kind: "Node",
    metadata,
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    podCIDRs: spec.list("podCIDRs", addressRange) ?? (podCidr === undefined ? [] : [podCidr]),
    taints: spec.children("taints").map((taint) => ({ key: taint.required("key", text) })),
    addresses: object
      .child("status")
      .children("addresses")
      .map((address) => ({ type: address.required("type", text), address: address.required("address", text) })),
  };
}
