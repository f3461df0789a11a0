/** Clusters as files, with what a test names and nothing else. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "sluice-run-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

export interface GivenService {
  /** Also of its one port. */
  readonly name: string;
  readonly clusterIp?: string;
  readonly protocol?: "TCP" | "UDP";
  readonly port?: number;
  /** All at this port. */
  readonly endpoints: readonly string[];
  readonly endpointPort: number;
  /** More of `spec`, and the addresses of a load balancer. */
  readonly spec?: object;
  readonly ingress?: readonly string[];
}

/** A path that goes when the process does. */
export function temporaryPath(name: string): string {
  return join(folder, name);
}

/** Services in `default`, with their slices. */
export function servicesOf(given: readonly GivenService[]): readonly object[] {
  return given.flatMap((one) => {
    const { name, clusterIp = "10.96.0.9", protocol = "TCP", port = 80, endpoints, endpointPort, spec, ingress } = one;
    const ipv6 = clusterIp.includes(":");
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name },
      spec: { clusterIP: clusterIp, ports: [{ name: "main", protocol, port }], ...spec },
      ...(ingress === undefined ? {} : { status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip })) } } }),
    };
    const slice = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
      addressType: ipv6 ? "IPv6" : "IPv4",
      ports: [{ name: "main", protocol, port: endpointPort }],
      endpoints: endpoints.map((address) => ({ addresses: [address] })),
    };
    return [service, slice];
  });
}

export function nodeNamed(name: string, addresses: readonly string[] = []): object {
  const internal = addresses.map((address) => ({ type: "InternalIP", address }));
  return { apiVersion: "v1", kind: "Node", metadata: { name }, status: { addresses: internal } };
}

/** Writes a cluster as a careful editor does: beside, then in place of the old one. @returns its path. */
export function writeCluster(name: string, objects: readonly object[]): string {
  const file = temporaryPath(name);
  writeFileSync(`${file}.new`, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
  renameSync(`${file}.new`, file);
  return file;
}
