import type { ClusterObject, ObjectMeta } from "../objects.ts";
import { apiVersion, type Check, kindName, label, subdomain } from "./checks.ts";
import { readEndpointSlice } from "./endpoint-slice.ts";
import { readEndpoints } from "./endpoints.ts";
import type { Fields } from "./fields.ts";
import { readNode } from "./node.ts";
import { readServiceCidr } from "./service-cidr.ts";
import { readService } from "./service.ts";

/** How a kind is read. */
interface Kind {
  /** The first is the one to ask for. */
  readonly apiVersions: readonly string[];
  readonly name: Check<string>;
  readonly namespaced: boolean;
  read(object: Fields, metadata: ObjectMeta): ClusterObject;
}

const networking = "networking.k8s.io";
const kinds: Readonly<Record<ClusterObject["kind"], Kind>> = {
  Service: { apiVersions: ["v1"], name: label, namespaced: true, read: readService },
  EndpointSlice: { apiVersions: ["discovery.k8s.io/v1"], name: subdomain, namespaced: true, read: readEndpointSlice },
  Endpoints: { apiVersions: ["v1"], name: subdomain, namespaced: true, read: readEndpoints },
  Node: { apiVersions: ["v1"], name: subdomain, namespaced: false, read: readNode },
  ServiceCIDR: {
    apiVersions: [`${networking}/v1`, `${networking}/v1beta1`, `${networking}/v1alpha1`],
    name: subdomain,
    namespaced: false,
    read: readServiceCidr,
  },
};

/** What an object is where it does not say so itself, as the items of a ServiceList need not. */
interface ItemType {
  readonly kind?: string;
  readonly apiVersion?: string;
}

/**
 * Reads one object.
 *
 * @param ofList what it is if it does not say so.
 * @returns the name of its kind where it is of one that the proxy does not read; with its group where the kind alone
 *   would mislead: `Service.serving.knative.dev`.
 * @throws {WrongField}
 */
export function readObject(object: Fields, ofList: ItemType = {}): ClusterObject | string {
  const name = object.optional("kind", kindName) ?? ofList.kind ?? object.required("kind", kindName);
  const version =
    object.optional("apiVersion", apiVersion) ?? ofList.apiVersion ?? object.required("apiVersion", apiVersion);
  if (!isKind(name)) return name;
  const kind = kinds[name];
  if (!kind.apiVersions.includes(version)) {
    const group = foreignGroup(version);
    return group === undefined
      ? object.fail("apiVersion", `${kind.apiVersions[0]} for kind ${name}`)
      : `${name}.${group}`;
  }
  return kind.read(object, readMeta(object.child("metadata"), kind));
}

/**
 * @returns what the items of a List are, unless they say otherwise: nothing for `kind: List`; undefined when the object
 *   is no List.
 * @throws {WrongField}
 */
export function itemTypeOf(object: Fields): ItemType | undefined {
  const kind = object.optional("kind", kindName);
  if (kind === undefined || !kind.endsWith("List")) return undefined;
  const itemKind = kind.slice(0, -"List".length);
  // Other kinds may happen to end so: one without items is an object like any other.
  if (itemKind !== "" && !isKind(itemKind) && !object.mentions("items")) return undefined;
  const version = object.required("apiVersion", apiVersion);
  return itemKind === "" ? {} : { kind: itemKind, apiVersion: version };
}

function isKind(name: string): name is ClusterObject["kind"] {
  return Object.hasOwn(kinds, name);
}

/** The group of an API version, unless it is one of Kubernetes' own: then a kind of this name is ours in a wrong version. */
function foreignGroup(version: string): string | undefined {
  const group = version.includes("/") ? version.slice(0, version.indexOf("/")) : "";
  return group.includes(".") && !group.endsWith(".k8s.io") ? group : undefined;
}

function readMeta(metadata: Fields, { name, namespaced }: Kind): ObjectMeta {
  const namespace = metadata.choice("namespace", label) ?? "default";
  return {
    namespace: namespaced ? namespace : "",
    name: metadata.required("name", name),
    labels: metadata.texts("labels"),
    annotations: metadata.texts("annotations"),
  };
}
