import { parse } from "yaml";
import * as z from "zod";
import { configInvalid } from "../core/errors.ts";
import { planKinds } from "./options.ts";

/** A benchmark by name: options as a file has them, all but the cluster. */
const planSchema = z.strictObject({
  describe: z.string(),
  kind: z.enum(planKinds).optional(),
  subjects: z.array(z.string()).optional(),
  works: z.array(z.string()).optional(),
  service: z.string().optional(),
  services: z.array(z.int()).optional(),
  budgetSeconds: z.int().min(1).max(86_400).optional(),
  precisionPercent: z.int().min(0).max(100).optional(),
  workers: z.int().min(1).max(64).optional(),
  messageBytes: z.int().optional(),
});
export type BenchPlan = z.infer<typeof planSchema>;

/** The plans that come with the project. */
export const plans: Readonly<Record<string, BenchPlan>> = {
  quick: {
    describe: "the modes on worker threads, next to a direct connection, in four works at full load",
    budgetSeconds: 80,
  },
  latency: {
    describe: "waiting times at a fixed rate that all of them can do: no coordinated omission",
    works: ["tcp-connect-request-close@250", "tcp-request-response@1000", "udp-request-response@1000"],
    budgetSeconds: 120,
    // Rates are what is asked for, and agree at once: the time goes to the percentiles.
    precisionPercent: 0,
  },
  modes: {
    describe:
      "every mode on worker threads, in the kernel and in the emulator, first packets apart from established flows; needs root",
    subjects: [
      "userspace",
      "iptables",
      "nftables",
      "ipvs-rr",
      "userspace@kernel",
      "iptables@kernel",
      "nftables@kernel",
      "ipvs-rr@kernel",
      "userspace@emulated",
      "iptables@emulated",
      "nftables@emulated",
      "ipvs-rr@emulated",
    ],
    works: ["tcp-connect", "udp-first-datagram", "tcp-request-response", "udp-request-response"],
    budgetSeconds: 180,
    precisionPercent: 0,
  },
  scale: {
    describe: "first packets, established flows, connections and syncs among 10 to 30,000 services; needs root",
    subjects: ["iptables@kernel", "nftables@kernel", "ipvs-rr@kernel"],
    works: ["tcp-connect", "tcp-request-response", "tcp-connect-request-close"],
    services: [10, 100, 1000, 5000, 10_000, 30_000],
    budgetSeconds: 300,
    precisionPercent: 0,
  },
  balance: {
    describe:
      "which endpoints take connections, held against what each mode promises; with keepalive and without, with a slow endpoint, and with one that comes and goes",
    kind: "balance",
    subjects: ["userspace", "iptables", "nftables", "ipvs-rr", "ipvs-lc", "ipvs-sed", "ipvs-sh"],
    works: ["tcp-connect-request-close", "tcp-request-response", "udp-request-response"],
    budgetSeconds: 240,
    precisionPercent: 0,
  },
  peers: {
    describe: "nginx stream, HAProxy and socat next to both our engines, over TCP; what is not installed is named",
    subjects: ["nginx", "haproxy", "socat", "ipvs-rr@native", "ipvs-rr@node"],
    works: ["tcp-connect-request-close", "tcp-request-response", "tcp-bulk"],
    budgetSeconds: 120,
    precisionPercent: 0,
  },
  faults: {
    describe: "endpoints die, freeze, return and are rolled out: requests that fail, and time to converge",
    kind: "faults",
    subjects: ["userspace@native", "iptables@native", "nftables@native", "ipvs-rr@native"],
    budgetSeconds: 600,
  },
};

/**
 * Reads a plan from a file's text.
 *
 * @throws {SluiceError} CONFIG_INVALID, naming `plan` and the field.
 */
export function readPlan(text: string): BenchPlan {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw configInvalid("plan", "YAML or JSON", (error as Error).message);
  }
  const { data, error } = planSchema.safeParse(value);
  if (data !== undefined) return data;
  throw invalidField(error.issues[0]!, value);
}

/** One field, what it should be, and what stands there: not the whole plan. */
function invalidField(issue: z.core.$ZodIssue, plan: unknown): Error {
  if (issue.code === "unrecognized_keys") {
    const known = `no field but ${Object.keys(planSchema.shape).join(", ")}`;
    return configInvalid(["plan", ...issue.path].join("."), known, issue.keys.join(", "));
  }
  const expected = issue.message.replace(/^[^:]*: expected (.*?)(, received .*)?$/, "$1");
  const received = issue.path.reduce((at: unknown, key) => (at as Record<PropertyKey, unknown>)[key], plan);
  return configInvalid(["plan", ...issue.path].join("."), expected, received ?? "none");
}
