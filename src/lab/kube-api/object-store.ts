import { type Manifest, manifestOf } from "../../cluster/manifest.ts";
import type { ClusterSnapshot } from "../../cluster/state.ts";
import { isDeepStrictEqual } from "node:util";

/** A resource of the API that a kube-proxy reads. */
export interface Resource {
  /** As it stands in a path behind `/api` or `/apis/`: `v1` or `GROUP/VERSION`. */
  readonly groupVersion: string;
  /** `services` */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export const resources: readonly Resource[] = [
  { groupVersion: "v1", plural: "services", kind: "Service", namespaced: true },
  { groupVersion: "v1", plural: "endpoints", kind: "Endpoints", namespaced: true },
  { groupVersion: "v1", plural: "nodes", kind: "Node", namespaced: false },
  { groupVersion: "v1", plural: "namespaces", kind: "Namespace", namespaced: false },
  { groupVersion: "v1", plural: "events", kind: "Event", namespaced: true },
  { groupVersion: "events.k8s.io/v1", plural: "events", kind: "Event", namespaced: true },
  { groupVersion: "coordination.k8s.io/v1", plural: "leases", kind: "Lease", namespaced: true },
  { groupVersion: "discovery.k8s.io/v1", plural: "endpointslices", kind: "EndpointSlice", namespaced: true },
  { groupVersion: "networking.k8s.io/v1", plural: "servicecidrs", kind: "ServiceCIDR", namespaced: false },
];

/** An object as the API hands it out, with the version at which it became what it is. */
export interface StoredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly namespace?: string;
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly resourceVersion: string;
  };
}

export interface StoredEvent {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: StoredObject;
}

/** The objects of a cluster, and what has become of them. */
export interface ObjectStore {
  /** Of the newest change. */
  readonly version: number;
  list(resource: Resource): readonly StoredObject[];
  /** What came after a version; undefined: that is too long ago to know. */
  since(version: number): readonly StoredEvent[] | undefined;
  /** Puts another cluster in the place of this one: whatever differs is an event. */
  replace(snapshot: ClusterSnapshot): void;
  /** An object that a client writes; in the place of one with its name. */
  put(resource: Resource, namespace: string, object: Manifest): StoredObject;
  /** @returns what takes it back. */
  onEvent(tell: (event: StoredEvent) => void): () => void;
}

/** Events that are kept for whoever asks for what was. */
const MOST_EVENTS = 10_000;
/** No watch may start at 0, which stands for anything. */
const FIRST_VERSION = 1;

export function createObjectStore(snapshot: ClusterSnapshot): ObjectStore {
  const objects = new Map<string, StoredObject>();
  const written = new Set<string>();
  const history: StoredEvent[] = [];
  const tellers = new Set<(event: StoredEvent) => void>();
  let version = FIRST_VERSION;

  const note = (type: StoredEvent["type"], object: StoredObject): void => {
    const event = { version, type, object };
    history.push(event);
    if (history.length > MOST_EVENTS) history.shift();
    for (const tell of tellers) tell(event);
  };
  const set = (key: string, manifest: Manifest): StoredObject => {
    const before = objects.get(key);
    if (before !== undefined && isDeepStrictEqual(withoutVersion(before), clean(manifest))) return before;
    version += 1;
    const object = stamped(manifest, version);
    objects.set(key, object);
    note(before === undefined ? "ADDED" : "MODIFIED", object);
    return object;
  };
  const replace = (next: ClusterSnapshot): void => {
    const manifests = manifestsOf(next);
    const keys = new Set(manifests.map(keyOf));
    for (const [key, object] of objects) {
      if (keys.has(key) || written.has(key)) continue;
      version += 1;
      objects.delete(key);
      note("DELETED", stamped(withoutVersion(object), version));
    }
    for (const manifest of manifests) set(keyOf(manifest), manifest);
  };
  replace(snapshot);
  return {
    get version() {
      return version;
    },
    list: ({ groupVersion, kind }) =>
      [...objects.values()].filter((object) => object.kind === kind && object.apiVersion === groupVersion),
    since(after) {
      const isKnown = after >= FIRST_VERSION && (history.length < MOST_EVENTS || after >= history[0]!.version - 1);
      return isKnown ? history.filter((event) => event.version > after) : undefined;
    },
    replace,
    put({ groupVersion, kind, namespaced }, namespace, object) {
      const metadata = { ...(object["metadata"] as Manifest), ...(namespaced ? { namespace } : {}) };
      const manifest = { ...object, apiVersion: groupVersion, kind, metadata };
      written.add(keyOf(manifest));
      return set(keyOf(manifest), manifest);
    },
    onEvent(tell) {
      tellers.add(tell);
      return () => tellers.delete(tell);
    },
  };
}

/** All objects, and a namespace wherever one lies in it. */
function manifestsOf({ services, endpointSlices, endpoints, nodes, serviceCidrs }: ClusterSnapshot): Manifest[] {
  const known = [services, endpointSlices, endpoints, nodes, serviceCidrs].flat().map(manifestOf);
  const names = new Set(["default", "kube-system", ...known.map(namespaceOf).filter((name) => name !== "")]);
  const namespaces = [...names].map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }));
  return [...namespaces, ...known];
}

function keyOf(manifest: Manifest): string {
  const { name } = manifest["metadata"] as { readonly name: string };
  return `${String(manifest["apiVersion"])} ${String(manifest["kind"])} ${namespaceOf(manifest)}/${name}`;
}

function namespaceOf(manifest: Manifest): string {
  return (manifest["metadata"] as { readonly namespace?: string }).namespace ?? "";
}

function stamped(manifest: Manifest, version: number): StoredObject {
  const plain = clean(manifest) as { readonly metadata: object };
  const metadata = { uid: uidOf(keyOf(manifest)), ...plain.metadata, resourceVersion: String(version) };
  return { ...plain, metadata } as unknown as StoredObject;
}

function withoutVersion(object: StoredObject): Manifest {
  const { uid: _, resourceVersion: __, ...metadata } = object.metadata as StoredObject["metadata"] & { uid?: string };
  return { ...object, metadata };
}

/** As JSON has it: fields that are undefined are not there. */
function clean(manifest: Manifest): Manifest {
  return JSON.parse(JSON.stringify(manifest)) as Manifest;
}

/** The same for the same object, in the form of a UUID. */
function uidOf(key: string): string {
  const hex = Buffer.from(key).toString("hex").padEnd(32, "0").slice(-32);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
