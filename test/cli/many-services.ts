/** Clusters of many services, as a file for `sluice run`. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Size {
  readonly services: number;
  /** Of each service. */
  readonly endpoints: number;
}

/** Writes a cluster seen on `node-a`, all at once. @returns its file. */
export function writeManyServices(folder: string, name: string, { services, endpoints }: Size): string {
  const items = [nodeManifest, ...Array.from({ length: services }, (_, i) => serviceManifests(i, endpoints)).flat()];
  const file = join(folder, name);
  writeFileSync(`${file}.new`, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  renameSync(`${file}.new`, file);
  return file;
}

const nodeManifest = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "node-a" },
  status: { addresses: [{ type: "InternalIP", address: "192.168.10.5" }] },
};

function serviceManifests(i: number, endpoints: number): readonly object[] {
  const name = `svc${i}`;
  const clusterIP = `10.96.${i >> 8}.${(i & 255) + 1}`;
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default" },
      spec: {
        type: "NodePort",
        clusterIP,
        clusterIPs: [clusterIP],
        ipFamilies: ["IPv4"],
        ports: [{ name: "http", port: 80, protocol: "TCP", nodePort: 30_000 + i }],
      },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${name}-1`, namespace: "default", labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
      endpoints: Array.from({ length: endpoints }, (_, j) => ({
        addresses: [`10.244.${i & 255}.${j + 1}`],
        conditions: { ready: true },
      })),
    },
  ];
}
