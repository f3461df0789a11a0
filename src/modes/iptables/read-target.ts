import { readForeignTarget } from "./foreign-targets.ts";
import { option, readOptions } from "./option-table.ts";
import * as text from "./option-values.ts";
import type { OwnTarget, Target } from "./ruleset.ts";
import { plainName } from "./syntax.ts";

const verdicts: ReadonlyMap<string, Target> = new Map([
  ["ACCEPT", { kind: "accept" }],
  ["DROP", { kind: "drop" }],
  ["RETURN", { kind: "return" }],
]);

/** Extensions that may stand without an option; any other name alone is that of a chain. */
const bareExtensions = new Set(
  (
    "AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNSECMARK DNPT DSCP ECN HL HMARK IDLETIMER LED MIRROR NETMAP NFQUEUE QUEUE " +
    "RATEEST SECMARK SET SNPT SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TTL ULOG"
  ).split(" "),
);

const masquerade = {
  ports: option("--to-ports", text.dashedPorts),
  random: option("--random", text.alone),
  randomFully: option("--random-fully", text.alone),
};

const mark = {
  set: option("--set-xmark", text.marked),
  assign: option("--set-mark", text.marked),
  and: option("--and-mark", text.bits),
  or: option("--or-mark", text.bits),
  xor: option("--xor-mark", text.bits),
};

/** ICMP port unreachable, the answer when none is named. */
const defaultAnswers = new Set(["icmp-port-unreachable", "icmp6-port-unreachable"]);

/**
 * Reads one `-j NAME` with its options.
 *
 * @param jumpTo the jump to a chain that the table has.
 * @returns undefined for what has no type.
 */
export function readTarget(
  name: string,
  args: readonly string[],
  jumpTo: (name: string) => Target | undefined,
): Target | undefined {
  if (args.length === 0) {
    const known = verdicts.get(name) ?? jumpTo(name);
    if (known !== undefined) return known;
  }
  switch (name) {
    case "REJECT":
      return readReject(args);
    case "MARK":
      return readMark(readOptions(args, mark));
    case "MASQUERADE":
      return readMasquerade(readOptions(args, masquerade));
    default:
      return readForeignTarget(name, args) ?? otherwise(name, args);
  }
}

function otherwise(name: string, args: readonly string[]): Target | undefined {
  return args.length === 0 && !bareExtensions.has(name) ? { kind: "jump", chain: name } : undefined;
}

function readReject(args: readonly string[]): Target | undefined {
  if (args.length === 0) return { kind: "reject" };
  const [flag, answer, more] = args;
  if (flag !== "--reject-with" || answer === undefined || more !== undefined) return undefined;
  if (!plainName.test(answer)) return undefined;
  return defaultAnswers.has(answer) ? { kind: "reject" } : { kind: "reject", with: answer };
}

interface Marked {
  readonly value: number;
  readonly mask: number;
}

function readMark(fields: Readonly<Record<string, unknown>> | undefined): Target | undefined {
  const [operation, ...more] = Object.keys(fields ?? {});
  if (operation === undefined || more.length > 0) return undefined;
  const given = fields![operation];
  switch (operation) {
    case "set":
      return { kind: "mark", ...(given as Marked) };
    case "assign": {
      const { value, mask } = given as Marked;
      return { kind: "mark", value, mask: (value | mask) >>> 0 };
    }
    case "and":
      return { kind: "mark", value: 0, mask: ~(given as number) >>> 0 };
    case "or":
      return { kind: "mark", value: given as number, mask: given as number };
    default:
      return { kind: "mark", value: given as number, mask: 0 };
  }
}

function readMasquerade(fields: Readonly<Record<string, unknown>> | undefined): Target | undefined {
  if (fields === undefined) return undefined;
  const { randomFully = false, ...rest } = fields;
  return { kind: "masquerade", randomFully, ...rest } as OwnTarget;
}
