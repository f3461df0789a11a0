import type { RecordedStage } from "./recording.ts";
import type { RecordedObject } from "./recording-files.ts";

/** The objects as the API server held them, stage by stage. */
export interface ObjectsHeld {
  enter(stage: RecordedStage): void;
  all(): readonly unknown[];
  /** As far as a kube-proxy that was started some stages ago goes by them: ServiceCIDRs are those of its start. */
  known(): readonly unknown[];
}

export function createObjectsHeld(): ObjectsHeld {
  const held = new Map<string, unknown>();
  let cidrs: readonly unknown[] | undefined;
  const cidrsHeld = (): readonly unknown[] => [...held].filter(([key]) => isServiceCidr(key)).map(([, one]) => one);
  return {
    enter({ deleted, applied, action }) {
      for (const key of deleted) held.delete(key);
      for (const { key, object } of applied) held.set(key, object);
      if (cidrs === undefined || action?.action === "restart" || action?.action === "switch-mode") cidrs = cidrsHeld();
    },
    all: () => [...held.values()],
    known: () => [...[...held].filter(([key]) => !isServiceCidr(key)).map(([, one]) => one), ...(cidrs ?? [])],
  };
}

function isServiceCidr(key: string): boolean {
  return key.split("/").includes("ServiceCIDR");
}

/** A slice of a Service that does not exist: to take it in costs a sync, and changes no rule. */
export function irrelevantSlice(generation: number): RecordedObject["object"] {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "irrelevant",
      namespace: "irrelevant",
      labels: { "kubernetes.io/service-name": "irrelevant" },
      generation,
    },
    addressType: "IPv4",
    ports: [{ name: "http", port: 80 + (generation % 1000), protocol: "TCP" }],
    endpoints: [{ addresses: ["10.244.9.9"], conditions: { ready: true } }],
  };
}
