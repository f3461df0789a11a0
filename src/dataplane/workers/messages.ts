import type { Program } from "../../modes/program.ts";
import type { NodePlan } from "../dataplane.ts";
import type { EngineName } from "./choose-engine.ts";
import type { Table } from "./decide.ts";
import type { EndpointMapping } from "./endpoint-map.ts";
import type { ListenerResult, ListenerSpec } from "./engine.ts";
import type { ForwardingPolicy } from "./policy.ts";

/** What a worker thread is started with. Plain data and shared memory. */
export interface WorkerStart {
  /** Its seat, and the columns in which it counts: 0, 1, … */
  readonly seat: number;
  /** The number under which it owns locks. */
  readonly owner: number;
  readonly seats: Int32Array;
  readonly counters: SharedArrayBuffer;
  readonly recent: SharedArrayBuffer;
  readonly seed: number;
  readonly engine: EngineName;
  readonly mapEndpoint: readonly EndpointMapping[];
  readonly policy: ForwardingPolicy;
  readonly backlog: number;
  readonly maxUdpFlows: number;
}

/** Control thread → worker. Each is answered, in order. */
export type ControlMessage =
  /** Makes a program ready beside the one in force. */
  | { readonly kind: "prepare"; readonly program: Program; readonly plan: NodePlan }
  | { readonly kind: "open"; readonly listeners: readonly ListenerSpec[] }
  | { readonly kind: "close"; readonly listeners: readonly number[] }
  /** From here to `release` new flows wait, so that all workers change tables between two of them. */
  | { readonly kind: "hold" }
  /** Puts what was prepared into force. */
  | {
      readonly kind: "switch";
      readonly table: Table;
      readonly policy: ForwardingPolicy;
      readonly close: readonly number[];
    }
  | { readonly kind: "release" }
  | { readonly kind: "drain"; readonly deadlineMs: number }
  | { readonly kind: "stop" };

/** What is answered to each kind of message. */
export interface Answers {
  /** Why it cannot be prepared; undefined: it can. */
  prepare: string | undefined;
  open: readonly ListenerResult[];
  close: void;
  hold: void;
  switch: void;
  release: void;
  /** Connections that had to be reset. */
  drain: number;
  stop: void;
}

export interface Asked {
  readonly number: number;
  readonly message: ControlMessage;
}

/** Worker → control thread. */
export type WorkerMessage =
  /** @param taskId by which the system knows the thread; undefined where it does not tell. */
  | { readonly kind: "ready"; readonly taskId: number | undefined }
  | { readonly kind: "answer"; readonly number: number; readonly answer: Answers[keyof Answers] };
