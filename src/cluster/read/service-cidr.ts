import type { ObjectMeta, ServiceCidr } from "../objects.ts";
import { addressRange } from "./checks.ts";
import type { Fields } from "./fields.ts";

/** Reads a networking.k8s.io ServiceCIDR, whose versions from v1alpha1 (1.30) to v1 have the same fields. */
export function readServiceCidr(object: Fields, metadata: ObjectMeta): ServiceCidr {
  return { kind: "ServiceCIDR", metadata, cidrs: object.child("spec").list("cidrs", addressRange) ?? [] };
}
