import type { EndpointSlice, ObjectMeta, Service } from "../cluster/objects.ts";

/** Says that another proxy looks after the object. */
const PROXY_NAME = "service.kubernetes.io/service-proxy-name";
/** Set by the endpoint controllers on what belongs to a headless Service. */
const HEADLESS = "service.kubernetes.io/headless";

/**
 * Whether kube-proxy 1.36 asks the API server for this Service. The label for headless ones does not count here: a
 * Service that carries it and has a cluster IP all the same is proxied, if its slices lack the label.
 */
export function watchesService({ metadata }: Service): boolean {
  return metadata.labels[PROXY_NAME] === undefined;
}

/** Whether kube-proxy 1.36 asks for this slice. The label of another proxy does not count here. */
export function watchesSlice({ metadata }: EndpointSlice): boolean {
  return metadata.labels[HEADLESS] === undefined;
}

/** Whether kube-proxy up to 1.25 asked for an object: it used both labels on every kind. */
export function watchedByUserspaceMode(metadata: ObjectMeta): boolean {
  return metadata.labels[PROXY_NAME] === undefined && metadata.labels[HEADLESS] === undefined;
}
