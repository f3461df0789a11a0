import type { BackendSettings } from "../../balancers/backend-spec.ts";
import type { IpvsSysctls } from "../../dataplane/emulated/ipvs/settings.ts";
import type { IpvsTimeouts } from "../../dataplane/emulated/ipvs/states.ts";
import type { ServiceSettings } from "../../dataplane/emulated/ipvs/virtual-service.ts";
import type { SocketAddr, TCP, UDP } from "../../net/flow.ts";

/** What was done to a virtual server of some kernel, event by event, and what it did. */
export interface Vector extends Outcome {
  readonly proto: typeof TCP | typeof UDP;
  readonly service: ServiceSettings;
  readonly sysctls: Partial<IpvsSysctls>;
  readonly timeoutsMs: Partial<IpvsTimeouts>;
  /** In the order in which they were added. */
  readonly servers: readonly VectorServer[];
  readonly events: readonly VectorEvent[];
  /** Whether a replay must make the very same picks. */
  readonly deterministic: boolean;
  /** What other kernels did, by what was written of them: `6.1.176 (Debian 12 user-mode-linux 6.1um4+b13)`. */
  readonly variants: ReadonlyMap<string, Outcome>;
  /** Picks of further runs, where chance decides. */
  readonly otherRuns: readonly (readonly (number | null)[])[];
}

/** Server ids and counts. What is undefined was not recorded. */
export interface Outcome {
  /** For each `open`: who took it; null: nobody. */
  readonly picks: readonly (number | null)[] | undefined;
  /** For each `packet`: who got it; null: nobody. */
  readonly packetPicks: readonly (number | null)[] | undefined;
  /** After each event: every server in list order; null: not stable when it was recorded. */
  readonly counts: readonly (readonly ServerCounts[] | null)[] | undefined;
}

export type ServerCounts = readonly [id: number, active: number, inactive: number];

export interface VectorServer extends BackendSettings {
  readonly id: number;
  readonly addr: SocketAddr;
}

export type Answer = "accepted" | "refused" | "none";

export type VectorEvent =
  | {
      readonly op: "open";
      readonly conn: number;
      readonly client: SocketAddr;
      readonly to: SocketAddr;
      /** What a server did about a SYN; undefined: not recorded. */
      readonly answer: Answer | undefined;
    }
  /** One more datagram from the client of this connection. */
  | { readonly op: "packet"; readonly conn: number }
  | { readonly op: "close"; readonly conn: number; readonly mode: CloseMode }
  /** These connections left the table. */
  | { readonly op: "expire"; readonly conns: readonly number[] }
  | { readonly op: "add"; readonly server: VectorServer }
  | { readonly op: "remove"; readonly server: number }
  | { readonly op: "setWeight"; readonly server: number; readonly weight: number }
  | { readonly op: "setThreshold"; readonly server: number; readonly upper: number; readonly lower: number }
  | { readonly op: "setScheduler"; readonly scheduler: string; readonly flags: readonly string[] }
  | { readonly op: "wait"; readonly ms: number };

export const closeModes = [
  "client-fin",
  "server-fin",
  "client-rst",
  "server-rst",
  "client-half",
  "server-half",
] as const;
export type CloseMode = (typeof closeModes)[number];
