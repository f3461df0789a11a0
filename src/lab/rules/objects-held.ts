import type { RecordedObject, RecordedStage } from "./recording.ts";

/** The objects as the API server held them, stage by stage. */
export interface ObjectsHeld {
  enter(stage: RecordedStage): void;
  all(): readonly unknown[];
}

export function createObjectsHeld(): ObjectsHeld {
  const held = new Map<string, unknown>();
  return {
    enter({ deleted, applied }) {
      for (const key of deleted) held.delete(key);
      for (const { key, object } of applied) held.set(key, object);
    },
    all: () => [...held.values()],
  };
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
