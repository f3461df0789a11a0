import { assertNever } from "../core/errors.ts";
import type { ClusterObject, EndpointSlice, Node, ObjectMeta, Service } from "./objects.ts";

/** An object in the form of the Kubernetes API. A field that is undefined is unset. */
export type Manifest = Readonly<Record<string, unknown>>;

const apiVersions: Readonly<Record<ClusterObject["kind"], string>> = {
  Service: "v1",
  EndpointSlice: "discovery.k8s.io/v1",
  Endpoints: "v1",
  Node: "v1",
  ServiceCIDR: "networking.k8s.io/v1",
};

/** The form that the API gives to an object; `parseObjects` reads it back to an equal one. */
export function manifestOf(object: ClusterObject): Manifest {
  const { kind } = object;
  return { apiVersion: apiVersions[kind], kind, metadata: metadataOf(object.metadata), ...fieldsOf(object) };
}

function fieldsOf(object: ClusterObject): Manifest {
  switch (object.kind) {
    case "Service":
      return serviceFields(object);
    case "EndpointSlice":
      return sliceFields(object);
    case "Endpoints":
      return { subsets: object.subsets };
    case "Node":
      return nodeFields(object);
    case "ServiceCIDR":
      return { spec: { cidrs: object.cidrs } };
    default:
      return assertNever(object);
  }
}

function metadataOf({ namespace, name, labels, annotations }: ObjectMeta): Manifest {
  return { namespace: namespace === "" ? undefined : namespace, name, labels, annotations };
}

function serviceFields({ spec: { affinityTimeoutSeconds, ...spec }, ingress }: Service): Manifest {
  const clientIP = { timeoutSeconds: affinityTimeoutSeconds };
  return {
    spec: { ...spec, sessionAffinityConfig: affinityTimeoutSeconds === undefined ? undefined : { clientIP } },
    status: { loadBalancer: { ingress } },
  };
}

function sliceFields({ addressType, ports, endpoints }: EndpointSlice): Manifest {
  const named = (names: readonly string[] | undefined): Manifest[] | undefined => names?.map((name) => ({ name }));
  return {
    addressType,
    ports,
    endpoints: endpoints.map(({ hints, ...endpoint }) => ({
      ...endpoint,
      hints: { forZones: named(hints.forZones), forNodes: named(hints.forNodes) },
    })),
  };
}

function nodeFields({ metadata, deletionTimestamp, podCIDRs, taints, addresses }: Node): Manifest {
  return {
    metadata: { ...metadataOf(metadata), deletionTimestamp },
    spec: { podCIDRs, taints },
    status: { addresses },
  };
}
