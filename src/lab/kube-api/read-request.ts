import { type Resource, resources, type StoredObject } from "./object-store.ts";

/** What is asked of the API. */
export interface ApiRequest {
  readonly resource: Resource;
  /** Empty: all. */
  readonly namespace: string;
  /** Undefined: a collection. */
  readonly name: string | undefined;
  readonly query: URLSearchParams;
}

/** @returns undefined for a path of something that is not there. */
export function readRequest(url: string): ApiRequest | undefined {
  const { pathname, searchParams } = new URL(url, "http://api");
  const [root, ...words] = pathname.split("/").filter((word) => word !== "");
  if (root !== "api" && root !== "apis") return undefined;
  const groupVersion = words.splice(0, root === "api" ? 1 : 2).join("/");
  // `namespaces/NAME` alone is the namespace itself.
  const namespace = words[0] === "namespaces" && words.length > 2 ? words.splice(0, 2)[1]! : "";
  const [plural, name, ...more] = words;
  const resource = resources.find((one) => one.groupVersion === groupVersion && one.plural === plural);
  if (resource === undefined || (more.length > 0 && more[0] !== "status")) return undefined;
  return { resource, namespace, name, query: searchParams };
}

/** Whether an object is one of those that are asked for: by namespace, name, labels and fields. */
export function isAskedFor({ namespace, name, query }: ApiRequest, { metadata }: StoredObject): boolean {
  if (namespace !== "" && metadata.namespace !== namespace) return false;
  if (name !== undefined && metadata.name !== name) return false;
  const fields: Readonly<Record<string, string | undefined>> = {
    "metadata.name": metadata.name,
    "metadata.namespace": metadata.namespace,
  };
  return (
    selects(query.get("labelSelector") ?? "", metadata.labels ?? {}) &&
    selects(query.get("fieldSelector") ?? "", fields)
  );
}

/** `a=b`, `a==b`, `a!=b`, `a`, `!a`, each after a comma. Sets (`in`, `notin`) are none that a kube-proxy asks with. */
function selects(selector: string, values: Readonly<Record<string, string | undefined>>): boolean {
  return selector
    .split(",")
    .map((term) => term.trim())
    .filter((term) => term !== "")
    .every((term) => {
      const [, key = "", operator, wanted] = /^(!?[^=!]+)(==|!=|=)?(.*)$/.exec(term) ?? [];
      if (operator === "!=") return values[key] !== wanted;
      if (operator !== undefined) return values[key] === wanted;
      return key.startsWith("!") ? values[key.slice(1)] === undefined : values[key] !== undefined;
    });
}
