import { configInvalid } from "../../core/errors.ts";
import { type NodePortRanges, readNodePortRanges } from "../node-port-addresses.ts";

/** Options of the ipvs mode, as in KubeProxyConfiguration. */
export interface IpvsOptions {
  /**
   * A scheduler of the kernel: one of `schedulers`.
   * @default "rr", as kube-proxy
   */
  scheduler?: string;
  /**
   * Ranges whose local addresses answer node ports, or `["primary"]`; a family without ranges answers on all.
   * @default [], as kube-proxy
   */
  nodePortAddresses?: readonly string[];
}

export interface ResolvedIpvsOptions {
  readonly scheduler: string;
  readonly nodePortAddresses: NodePortRanges;
}

/** The schedulers of Linux. */
const schedulers: readonly string[] = [
  "rr",
  "wrr",
  "lc",
  "wlc",
  "lblc",
  "lblcr",
  "dh",
  "sh",
  "sed",
  "nq",
  "fo",
  "ovf",
  "mh",
  "twos",
];

const defaults: ResolvedIpvsOptions = Object.freeze({ scheduler: "rr", nodePortAddresses: Object.freeze([]) });

const readers: {
  readonly [K in keyof Required<IpvsOptions>]: (value: unknown, path: string) => ResolvedIpvsOptions[K];
} = {
  scheduler: readScheduler,
  nodePortAddresses: readNodePortRanges,
};

/** @throws {SluiceError} CONFIG_INVALID, naming the field, also for an unknown field. */
export function resolveIpvsOptions(options: IpvsOptions = {}): ResolvedIpvsOptions {
  const read = Object.entries(options).map(([field, value]) => {
    const path = `ipvs.${field}`;
    if (!Object.hasOwn(readers, field)) throw configInvalid(path, "a known option", value);
    return [field, readers[field as keyof IpvsOptions](value, path)];
  });
  return Object.freeze({ ...defaults, ...Object.fromEntries(read) });
}

function readScheduler(value: unknown, path: string): string {
  if (typeof value !== "string" || !schedulers.includes(value)) {
    throw configInvalid(path, `one of ${schedulers.join(", ")}`, value);
  }
  return value;
}
