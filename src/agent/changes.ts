import type { AddressedPort } from "../model/addressed-port.ts";
import { diffModels, diffUserspacePorts } from "../model/diff.ts";
import type { Model } from "../model/model.ts";
import type { ServicePort } from "../model/service-port.ts";
import type { UserspacePort } from "../model/userspace-port.ts";
import type { Mode } from "../modes/program.ts";
import { formatSocketAddr } from "../net/flow.ts";
import { type Family, familyOf } from "../net/ip.ts";

/** How a service port of one family changed from one sync to the next. */
export interface ServicePortChange {
  /** `ns/name` or `ns/name:port`. */
  readonly servicePort: string;
  readonly family: Family;
  readonly what: "added" | "removed" | "changed";
  /** How many endpoints take its traffic now that did not before. */
  readonly endpointsAdded: number;
  /** How many took its traffic before and do not now. */
  readonly endpointsRemoved: number;
}

/** What differs between two models for a mode; empty where nothing does. First what was added, then removed, then changed. */
export function changesFor(mode: Mode, before: Model, after: Model): readonly ServicePortChange[] {
  if (mode === "userspace") return changesIn(diffUserspacePorts(before, after), textsOfUserspacePort);
  const { 4: ip4, 6: ip6 } = diffModels(before, after);
  return [...changesIn(ip4, textsOfServicePort), ...changesIn(ip6, textsOfServicePort)];
}

interface PortsDiff<P> {
  readonly added: readonly P[];
  readonly removed: readonly P[];
  readonly changed: readonly { readonly before: P; readonly after: P }[];
}

/** @param textsOf the endpoints that may take a port's traffic. */
function changesIn<P extends AddressedPort>(
  { added, removed, changed }: PortsDiff<P>,
  textsOf: (port: P) => readonly string[],
): readonly ServicePortChange[] {
  const change = (what: ServicePortChange["what"], before: P | undefined, after: P | undefined): ServicePortChange => {
    const [from, to] = [before, after].map((port) => new Set(port === undefined ? [] : textsOf(port)));
    const { name, clusterIp } = (after ?? before)!;
    return {
      servicePort: name,
      family: familyOf(clusterIp),
      what,
      endpointsAdded: [...to!].filter((text) => !from!.has(text)).length,
      endpointsRemoved: [...from!].filter((text) => !to!.has(text)).length,
    };
  };
  return [
    ...added.map((port) => change("added", undefined, port)),
    ...removed.map((port) => change("removed", port, undefined)),
    ...changed.map(({ before, after }) => change("changed", before, after)),
  ];
}

function textsOfServicePort({ reachable }: ServicePort): readonly string[] {
  return reachable.map(({ text }) => text);
}

function textsOfUserspacePort({ endpoints }: UserspacePort): readonly string[] {
  return endpoints.map(formatSocketAddr);
}
