import { readdirSync, readFileSync } from "node:fs";
import { inProject } from "./root.ts";

/** What a real kernel's virtual server did, event by event; test/golden/ipvs/README.md tells how it was recorded. */
export interface Recording extends Outcome {
  readonly name: string;
  readonly scheduler: string;
  /** Whether a replay must give the very same. */
  readonly deterministic: boolean;
  readonly flags: readonly string[];
  readonly protocol: "tcp" | "udp";
  readonly virtual: { readonly address: string; readonly port: number } | { readonly fwmark: number };
  readonly persistence: { readonly timeout: number; readonly netmask?: string | number } | null;
  readonly onePacket: boolean;
  readonly sysctl: Readonly<Record<string, number>>;
  /** In the order in which they were added. */
  readonly servers: readonly RecordedServer[];
  readonly events: readonly RecordedEvent[];
  /** Kernels that did just this: version, then where it came from. */
  readonly kernelsWithSamePicks: readonly string[];
  /** Kernels that did otherwise, and what. */
  readonly variants?: Readonly<Record<string, Outcome>>;
}

/** Server ids and counts, as the kernel had them or as a replay gives them. */
interface Outcome {
  /** For each `open`; null: refused, for want of a usable server. */
  readonly picks: readonly (number | null)[];
  /** For each `packet`; null: dropped. */
  readonly packetPicks?: readonly (number | null)[];
  /** After each event, in list order; null: not stable when it was recorded. */
  readonly counts: readonly (readonly ServerCounts[] | null)[];
}

export type ServerCounts = readonly [id: number, active: number, inactive: number];

export interface RecordedServer {
  readonly id: number;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  /** Thresholds; 0 or absent: none. */
  readonly upper?: number;
  readonly lower?: number;
}

interface SocketText {
  readonly ip: string;
  readonly port: number;
}

export type RecordedEvent =
  | {
      readonly op: "open";
      readonly conn: number;
      readonly client: SocketText;
      /** Only of a virtual server that is a firewall mark. */
      readonly dst?: SocketText;
      /** `rst`: the server refused; `half`: the client did not wait for a server that never answers. */
      readonly result: "ok" | "half" | "rst" | "no-server";
    }
  /** `noop`: the connection had been refused, nothing happened. */
  | { readonly op: "close"; readonly conn: number; readonly mode: string; readonly noop?: true }
  /** The entries of these connections left the kernel's table. */
  | { readonly op: "expire"; readonly conns: readonly number[] }
  /** One more datagram from the client of this connection. */
  | { readonly op: "packet"; readonly conn: number }
  | { readonly op: "add"; readonly server: RecordedServer }
  | { readonly op: "remove"; readonly server: number }
  | { readonly op: "setWeight"; readonly server: number; readonly weight: number }
  | { readonly op: "setThreshold"; readonly server: number; readonly upper: number; readonly lower: number }
  | { readonly op: "setScheduler"; readonly scheduler: string; readonly flags: readonly string[] }
  | { readonly op: "wait"; readonly ms: number };

/** Every recording, in order of name. */
export function ipvsRecordings(): Recording[] {
  const folder = inProject("test", "golden", "ipvs");
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return files.sort().map((file) => JSON.parse(readFileSync(`${folder}/${file}`, "utf8")) as Recording);
}

/** What of a recording goes beyond a list of servers with weights and a scheduler. */
export function beyondSchedulers(recording: Recording): string[] {
  const { servers, events, persistence, onePacket, sysctl } = recording;
  const thresholds =
    servers.some(({ upper = 0, lower = 0 }) => upper > 0 || lower > 0) ||
    events.some(({ op }) => op === "setThreshold");
  return [
    ...(thresholds ? ["thresholds"] : []),
    ...(persistence === null ? [] : ["persistence"]),
    ...(onePacket ? ["one-packet"] : []),
    ...(Object.keys(sysctl).every((name) => /^lblcr?_/.test(name)) ? [] : ["sysctl"]),
  ];
}

/** The schedulers that a recording runs, the first one first. */
export function schedulersOf({ scheduler, events }: Recording): string[] {
  const later = events.flatMap((event) => (event.op === "setScheduler" ? [event.scheduler] : []));
  return [...new Set([scheduler, ...later])];
}
