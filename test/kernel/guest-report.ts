import type { Dumps } from "./guest-kernel.ts";
import type { Address } from "./guest-traffic.ts";
import type { ServiceName } from "./guest-cluster.ts";

/** How many connections are opened to a service, one after the other. */
export const CONNECTIONS = 200;
const CLIENTS = 20;

/** Where connection number `index` comes from: 20 addresses in turn, and no port twice. */
export function clientOf(index: number): Address {
  return { ip: `10.9.0.${1 + (index % CLIENTS)}`, port: 20_000 + index };
}

/** A program was planned and put into the kernel, every step twice. */
export interface Load {
  /** What the steps were. */
  readonly steps: readonly string[];
  /** What commands said that was not expected. */
  readonly complaints: readonly string[];
  /** Virtual servers with a real server that has to wait, and how many connections it waits for. */
  readonly draining: readonly string[];
  /** What the kernel holds afterwards. */
  readonly dumps: Dumps;
}

/** What a guest finds out about a program in its kernel: each by itself, as they are asked for. */
export const guestParts = ["second", "picks", "answers", "drain", "foreign"] as const;
export type GuestPart = (typeof guestParts)[number];

/** What a guest found out; of parts that were not asked for nothing. */
export interface GuestReport {
  /** Into an empty kernel. */
  readonly first: Load;
  /** And then again. */
  readonly second?: Load | undefined;
  /** Which endpoint answered each connection, in order. */
  readonly picks?: Readonly<Partial<Record<ServiceName, readonly string[]>>> | undefined;
  /** Who answered at an address, or the code of the error. */
  readonly answers?: Readonly<Record<Asked, string>> | undefined;
  readonly drain?: Drain | undefined;
  /** Once others have made sets and virtual servers of their own. */
  readonly foreign?: { readonly before: Dumps; readonly after: Load } | undefined;
}

type Asked = "externalIp" | "nodePort" | "loadBalancerIp" | "hostPort" | "hostPortByVip";

export interface Drain {
  readonly server: string;
  /** While its connection is open, and once that is over. */
  readonly during: Load;
  readonly echo: string;
  readonly after: Load;
}
