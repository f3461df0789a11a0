import type { RecordedStage } from "./recording.ts";
import type { RecordedObject } from "./recording-files.ts";

/** The objects as the API server held them, stage by stage. */
export interface ObjectsHeld {
  enter(stage: RecordedStage): void;
  all(): readonly unknown[];
  /**
   * As far as a kube-proxy that was started some stages ago goes by them: ServiceCIDRs are those of its start, and so
   * are addresses and pod ranges of Nodes; a Node that is deleted is as it was last.
   */
  known(): readonly unknown[];
}

type Held = ReadonlyMap<string, unknown>;

export function createObjectsHeld(): ObjectsHeld {
  const held = new Map<string, unknown>();
  let atStart: Held | undefined;
  /** Nodes as they were last, deleted or not. */
  let seen = new Map<string, unknown>();
  return {
    enter({ deleted, applied, action }) {
      for (const key of deleted) held.delete(key);
      for (const { key, object } of applied) held.set(key, object);
      const started = atStart === undefined || action?.action === "restart" || action?.action === "switch-mode";
      if (started) atStart = new Map([...held].filter(([key]) => isOf(key, "ServiceCIDR") || isOf(key, "Node")));
      const nodes = [...held].filter(([key]) => isOf(key, "Node"));
      seen = new Map(started ? nodes : [...seen, ...nodes]);
    },
    all: () => [...held.values()],
    known() {
      const others = [...held].filter(([key]) => !isOf(key, "ServiceCIDR") && !isOf(key, "Node"));
      const kept = Array.from(atStart ?? [], ([key, object]) =>
        isOf(key, "Node") ? nodeSince(object as NodeObject, seen.get(key) as NodeObject) : object,
      );
      const nodesSince = [...seen].filter(([key]) => atStart?.has(key) !== true);
      return [...[...others, ...nodesSince].map(([, object]) => object), ...kept];
    },
  };
}

interface NodeObject {
  readonly spec?: { readonly podCIDR?: unknown; readonly podCIDRs?: unknown };
  readonly status?: { readonly addresses?: unknown };
}

function nodeSince(start: NodeObject, last: NodeObject): NodeObject {
  const { spec = {}, status = {} } = start;
  return {
    ...last,
    spec: { ...last.spec, podCIDR: spec.podCIDR, podCIDRs: spec.podCIDRs },
    status: { ...last.status, addresses: status.addresses },
  };
}

function isOf(key: string, kind: string): boolean {
  return key.split("/").includes(kind);
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
