import type { EngineName } from "../../src/dataplane/workers/choose-engine.ts";

/** What a proxy is measured by, and what serves it. */
export interface Work {
  readonly name: string;
  /** As the load generator calls it. */
  readonly kind: "close" | "echo" | "bulk" | "udp" | "oneway";
  readonly lanes: number;
  readonly bytes: number;
  /** Questions a second, for all alike; absent: as many as it can. */
  readonly rate?: number;
  /** What is counted: operations, or bytes. */
  readonly counts: "operations" | "bytes";
}

export const works: readonly Work[] = [
  { name: "connect-request-close", kind: "close", lanes: 32, bytes: 64, counts: "operations" },
  { name: "request-response, 32 kept", kind: "echo", lanes: 32, bytes: 64, counts: "operations" },
  { name: "request-response, 2,000 a second", kind: "echo", lanes: 32, bytes: 64, rate: 2000, counts: "operations" },
  { name: "bulk, 1 connection", kind: "bulk", lanes: 1, bytes: 1, counts: "bytes" },
  { name: "bulk, 8 connections", kind: "bulk", lanes: 8, bytes: 1, counts: "bytes" },
  { name: "UDP request-response, 32 flows", kind: "udp", lanes: 32, bytes: 64, counts: "operations" },
  { name: "UDP one way, 64 bytes", kind: "oneway", lanes: 1, bytes: 64, counts: "operations" },
  { name: "UDP one way, 1,200 bytes", kind: "oneway", lanes: 1, bytes: 1200, counts: "operations" },
];

/** A backend that a proxy is to reach. */
export interface Backend {
  readonly work: Work["kind"];
  readonly proto: "tcp" | "udp";
  readonly port: number;
}

export function protoOf(work: Work["kind"]): Backend["proto"] {
  return work === "udp" || work === "oneway" ? "udp" : "tcp";
}

/** What `our-proxy-program` is started with. */
export interface OurArguments {
  readonly engine: EngineName;
  readonly backends: readonly Backend[];
}

export function readArguments([json]: readonly string[]): OurArguments {
  return JSON.parse(json!) as OurArguments;
}
