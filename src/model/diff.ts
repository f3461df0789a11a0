import { isDeepStrictEqual } from "node:util";
import { type Cidr, formatCidr } from "../net/cidr.ts";
import { type Family, type Ip, sameIp } from "../net/ip.ts";
import type { Model } from "./model.ts";
import { compareServicePorts, compareText } from "./order.ts";
import type { Endpoint, ServicePort, ServicePortInfo } from "./service-port.ts";
import type { UserspacePort } from "./userspace-port.ts";

/** What differs between two models, by family. */
export type ModelDiff = { readonly [F in Family]: ServicePortsDiff };

/** Service ports in order of name, then protocol. One that changes its name or protocol is removed and added. */
export interface ServicePortsDiff {
  readonly added: readonly ServicePort[];
  readonly removed: readonly ServicePort[];
  readonly changed: readonly ServicePortChange[];
}

/** How one service port changed; at least one list is not empty. */
interface ServicePortChange {
  readonly before: ServicePort;
  readonly after: ServicePort;
  /** What the Service says otherwise. */
  readonly fields: readonly SaidField[];
  readonly endpoints: EndpointsDiff;
  /** What follows otherwise, be it from the Service, from its endpoints or from the node's zone. */
  readonly consequences: readonly DerivedField[];
}

/** Endpoints in order of text, which tells them apart. */
interface EndpointsDiff {
  readonly added: readonly Endpoint[];
  readonly removed: readonly Endpoint[];
  readonly changed: readonly { readonly before: Endpoint; readonly after: Endpoint }[];
}

type Name = "namespace" | "service" | "portName" | "name" | "proto";
type SaidField = Exclude<keyof ServicePortInfo, Name>;
type DerivedField = Exclude<keyof ServicePort, keyof ServicePortInfo | "endpoints">;

type Comparisons<T, K extends keyof T> = { readonly [F in K]: (a: T[F], b: T[F]) => boolean };

const said: Comparisons<ServicePort, SaidField> = {
  clusterIp: sameIp,
  port: Object.is,
  nodePort: Object.is,
  externalIps: sameIps,
  loadBalancerIps: sameIps,
  sourceRanges: sameCidrs,
  affinitySeconds: Object.is,
  internalLocal: Object.is,
  externalLocal: Object.is,
  healthCheckNodePort: Object.is,
};
const derived: Comparisons<ServicePort, DerivedField> = {
  clusterEndpoints: sameTexts,
  localEndpoints: sameTexts,
  reachable: sameTexts,
  hasAny: Object.is,
  hasInternal: Object.is,
  hasExternal: Object.is,
  externallyAccessible: Object.is,
  usesClusterEndpoints: Object.is,
  usesLocalEndpoints: Object.is,
};

/**
 * What changed from one model to the next, for the service ports of both families. Both lists of service ports are
 * sorted, so it takes one walk over them: O(service ports + endpoints).
 *
 * @returns empty lists where nothing changed: two models whose service ports are equal have an empty diff, and only they.
 */
export function diffModels(before: Model, after: Model): ModelDiff {
  return {
    4: diffServicePorts(before.servicePorts[4], after.servicePorts[4]),
    6: diffServicePorts(before.servicePorts[6], after.servicePorts[6]),
  };
}

/** What differs between the userspace ports of two models, in order of name. A port that changes its name goes and appears. */
export interface UserspacePortsDiff {
  readonly added: readonly UserspacePort[];
  readonly removed: readonly UserspacePort[];
  readonly changed: readonly { readonly before: UserspacePort; readonly after: UserspacePort }[];
}

/** The same for what kube-proxy's userspace mode saw, which knows a port by its name alone. */
export function diffUserspacePorts(before: Model, after: Model): UserspacePortsDiff {
  const byName = (a: UserspacePort, b: UserspacePort): number => compareText(a.name, b.name);
  const { added, removed, kept } = alignSorted(before.userspacePorts, after.userspacePorts, byName);
  const changed = kept.filter(([from, to]) => !isDeepStrictEqual(from, to));
  return { added, removed, changed: changed.map(([from, to]) => ({ before: from, after: to })) };
}

function diffServicePorts(before: readonly ServicePort[], after: readonly ServicePort[]): ServicePortsDiff {
  const { added, removed, kept } = alignSorted(before, after, compareServicePorts);
  const changed = kept.map(([from, to]) => diffServicePort(from, to)).filter((change) => change !== undefined);
  return { added, removed, changed };
}

function diffServicePort(before: ServicePort, after: ServicePort): ServicePortChange | undefined {
  if (before === after) return undefined;
  const fields = differing(said, before, after);
  const consequences = differing(derived, before, after);
  const { added, removed, kept } = alignSorted(before.endpoints, after.endpoints, byText);
  const changed = kept
    .filter(([from, to]) => !sameEndpoint(from, to))
    .map(([from, to]) => ({ before: from, after: to }));
  const same = [fields, consequences, added, removed, changed].every((list) => list.length === 0);
  return same ? undefined : { before, after, fields, endpoints: { added, removed, changed }, consequences };
}

/** Walks two sorted lists side by side. */
function alignSorted<T>(before: readonly T[], after: readonly T[], compare: (a: T, b: T) => number) {
  const added: T[] = [];
  const removed: T[] = [];
  const kept: [T, T][] = [];
  let b = 0;
  let a = 0;
  while (b < before.length || a < after.length) {
    const from = before[b];
    const to = after[a];
    const order = from === undefined ? 1 : to === undefined ? -1 : compare(from, to);
    if (order <= 0) b += 1;
    if (order >= 0) a += 1;
    if (order < 0) removed.push(from!);
    else if (order > 0) added.push(to!);
    else kept.push([from!, to!]);
  }
  return { added, removed, kept };
}

function differing<T, K extends keyof T>(comparisons: Comparisons<T, K>, before: T, after: T): readonly K[] {
  const differs = (field: K): boolean => !comparisons[field](before[field], after[field]);
  return (Object.keys(comparisons) as K[]).filter(differs);
}

function byText(a: Endpoint, b: Endpoint): number {
  return compareText(a.text, b.text);
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return (
    a.nodeName === b.nodeName &&
    a.isLocal === b.isLocal &&
    a.ready === b.ready &&
    a.serving === b.serving &&
    a.terminating === b.terminating &&
    sameList(a.zoneHints, b.zoneHints, Object.is) &&
    sameList(a.nodeHints, b.nodeHints, Object.is)
  );
}

function sameTexts(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return sameList(a, b, (one, other) => one.text === other.text);
}

function sameIps(a: readonly Ip[], b: readonly Ip[]): boolean {
  return sameList(a, b, sameIp);
}

function sameCidrs(a: readonly Cidr[], b: readonly Cidr[]): boolean {
  return sameList(a, b, (one, other) => formatCidr(one) === formatCidr(other));
}

function sameList<T>(a: readonly T[], b: readonly T[], same: (a: T, b: T) => boolean): boolean {
  return a.length === b.length && a.every((item, i) => same(item, b[i]!));
}
