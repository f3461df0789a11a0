import { assertNever } from "../../core/errors.ts";
import { sameIp } from "../../net/ip.ts";
import type { ForeignTarget, NatRange } from "./foreign.ts";
import { option, type OptionTable, readOptions, writeOptions } from "./option-table.ts";
import * as text from "./option-values.ts";
import type { Target } from "./ruleset.ts";

type Of<K extends ForeignTarget["kind"]> = Extract<ForeignTarget, { readonly kind: K }>;
type Fields = Readonly<Record<string, unknown>>;

const log: OptionTable<Of<"log">> = {
  prefix: option("--log-prefix", text.quoted),
  level: option("--log-level", text.upTo(7)),
  tcpSequence: option("--log-tcp-sequence", text.alone),
  tcpOptions: option("--log-tcp-options", text.alone),
  ipOptions: option("--log-ip-options", text.alone),
  user: option("--log-uid", text.alone),
  decodeMac: option("--log-macdecode", text.alone),
};

const nflog: OptionTable<Of<"nflog">> = {
  prefix: option("--nflog-prefix", text.quoted),
  group: option("--nflog-group", text.upTo(0xffff)),
  sizeBytes: option("--nflog-size", text.u32),
  rangeBytes: option("--nflog-range", text.u32),
  threshold: option("--nflog-threshold", text.upTo(0xffff)),
};

const snat: OptionTable<Of<"snat">> = {
  to: option("--to-source", text.natRange),
  random: option("--random", text.alone),
  randomFully: option("--random-fully", text.alone),
  persistent: option("--persistent", text.alone),
};

const dnat: OptionTable<Of<"dnat-range">> = {
  to: option("--to-destination", text.natRange),
  random: option("--random", text.alone),
  persistent: option("--persistent", text.alone),
};

const redirect: OptionTable<Of<"redirect-range">> = {
  ports: option("--to-ports", text.dashedPorts),
  random: option("--random", text.alone),
};

const netmap: OptionTable<Of<"netmap">> = { to: option("--to", text.addresses) };

const tracking: OptionTable<Of<"connection-tracking">> = {
  off: option("--notrack", text.alone),
  helper: option("--helper", text.name),
  timeout: option("--timeout", text.name),
  events: option("--ctevents", text.name),
  expectations: option("--expevents", text.name),
  zone: option("--zone", text.name),
  originalZone: option("--zone-orig", text.name),
  replyZone: option("--zone-reply", text.name),
};

const tproxy: OptionTable<Of<"tproxy">> = {
  port: option("--on-port", text.upTo(0xffff)),
  ip: option("--on-ip", text.ip),
  mark: option("--tproxy-mark", text.markedInFull),
};

const masks = {
  packetMask: option("--nfmask", text.bits),
  connectionMask: option("--ctmask", text.bits),
} satisfies OptionTable<Of<"save-mark">>;

const connmark = {
  save: option("--save-mark", text.alone),
  restore: option("--restore-mark", text.alone),
  set: option("--set-xmark", text.markedInFull),
  ...masks,
};

/** Readers by the name behind `-j`; undefined: it has no type here, and stays text. */
const readers: ReadonlyMap<string, (args: readonly string[]) => Target | undefined> = new Map([
  ["LOG", (args) => of("log", readOptions(args, log))],
  ["NFLOG", (args) => of("nflog", readOptions(args, nflog))],
  ["SNAT", (args) => of("snat", having("to", readOptions(args, snat)))],
  ["DNAT", (args) => readDnat(having("to", readOptions(args, dnat)) as Omit<Of<"dnat-range">, "kind"> | undefined)],
  ["REDIRECT", (args) => readRedirect(readOptions(args, redirect))],
  ["NETMAP", (args) => of("netmap", having("to", readOptions(args, netmap)))],
  ["NOTRACK", (args) => (args.length === 0 ? { kind: "notrack" } : undefined)],
  ["CT", (args) => of("connection-tracking", readOptions(args, tracking))],
  ["TPROXY", (args) => of("tproxy", having("port", readOptions(args, tproxy)))],
  ["TRACE", (args) => (args.length === 0 ? { kind: "trace" } : undefined)],
  ["CONNMARK", (args) => readConnmark(readOptions(args, connmark))],
]);

/**
 * Reads one `-j NAME` with its options, of an extension that is not kube-proxy's alone.
 *
 * @returns undefined for what has no type here.
 */
export function readForeignTarget(name: string, args: readonly string[]): Target | undefined {
  return readers.get(name)?.(args);
}

function of(kind: ForeignTarget["kind"], fields: Fields | undefined): ForeignTarget | undefined {
  return fields === undefined ? undefined : ({ kind, ...fields } as ForeignTarget);
}

function having(field: string, fields: Fields | undefined): Fields | undefined {
  return fields !== undefined && field in fields ? fields : undefined;
}

/** To a single address it is the `dnat` that kube-proxy writes, which may keep the port. */
function readDnat(fields: Omit<Of<"dnat-range">, "kind"> | undefined): Target | undefined {
  if (fields === undefined) return undefined;
  const { firstIp, lastIp, ports } = fields.to;
  const single = firstIp !== undefined && isOne(fields.to) && ports?.first === ports?.last && ports?.first !== 0;
  if (!single || lastIp === undefined || Object.keys(fields).length > 1) return { kind: "dnat-range", ...fields };
  return { kind: "dnat", to: { ip: firstIp, port: ports?.first ?? 0 } };
}

function isOne({ firstIp, lastIp }: NatRange): boolean {
  return firstIp !== undefined && lastIp !== undefined && sameIp(firstIp, lastIp);
}

function readRedirect(fields: Fields | undefined): Target | undefined {
  if (fields === undefined) return undefined;
  const { ports, random } = fields as Omit<Of<"redirect-range">, "kind">;
  const first = ports?.first ?? 0;
  const plain = random === undefined && first === (ports?.last ?? 0) && (ports === undefined || first !== 0);
  return plain ? { kind: "redirect", port: first } : of("redirect-range", fields);
}

function readConnmark(fields: Fields | undefined): ForeignTarget | undefined {
  if (fields === undefined) return undefined;
  const { save, restore, set, packetMask = 0xffff_ffff, connectionMask = 0xffff_ffff } = fields;
  const many = [save, restore, set].filter((one) => one !== undefined).length;
  if (many !== 1) return undefined;
  if (set !== undefined) {
    return Object.keys(fields).length === 1 ? of("set-connection-mark", set as Fields) : undefined;
  }
  return of(save === undefined ? "restore-mark" : "save-mark", { packetMask, connectionMask });
}

/** A foreign target as text, behind `-j` and a blank. The same in both formats. */
export function foreignTargetText(target: ForeignTarget): string {
  switch (target.kind) {
    case "log":
      return `LOG${writeOptions(target, log)}`;
    case "nflog":
      return `NFLOG${writeOptions(target, nflog)}`;
    case "set-connection-mark":
      return `CONNMARK --set-xmark ${text.markedInFull.write(target)}`;
    case "save-mark":
    case "restore-mark":
      return `CONNMARK --${target.kind}${writeOptions(target, masks)}`;
    case "snat":
      return `SNAT${writeOptions(target, snat)}`;
    case "dnat-range":
      return `DNAT${writeOptions(target, dnat)}`;
    case "redirect-range":
      return `REDIRECT${writeOptions(target, redirect)}`;
    case "notrack":
      return "NOTRACK";
    case "connection-tracking":
      return `CT${writeOptions(target, tracking)}`;
    case "tproxy":
      return `TPROXY${writeOptions(target, tproxy)}`;
    case "trace":
      return "TRACE";
    case "netmap":
      return `NETMAP${writeOptions(target, netmap)}`;
    case "unknown":
      return target.text;
    default:
      return assertNever(target);
  }
}
