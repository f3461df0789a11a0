import type { Argv } from "yargs";
import { ipvsSchedulers } from "../balancers/ipvs-schedulers.ts";
import { configInvalid } from "../core/errors.ts";
import type { ProgramOptions } from "../modes/compile.ts";
import { type Mode, modes } from "../modes/program.ts";
import { tryParseCidr } from "../net/cidr.ts";
import { familyOf } from "../net/ip.ts";
import { trueOrFalse } from "./boolean-option.ts";
import { oneOf } from "./choice-option.ts";

/** The options of every command that compiles a program of one mode. */
export function modeOptions<T>(argv: Argv<T>) {
  return rulesOptions(argv)
    .option("mode", {
      ...oneOf("mode", "how a backend is chosen", modes),
      default: "iptables" satisfies Mode as Mode,
    })
    .option("scheduler", {
      ...oneOf("scheduler", "mode ipvs: the kernel's scheduler", ipvsSchedulers),
      defaultDescription: "rr",
    })
    .check((args) => requireModes(args, [args.mode]));
}

/** Options of the compilers that write rules. */
export function rulesOptions<T>(argv: Argv<T>) {
  return argv
    .option("cluster-cidr", {
      describe: "modes iptables and nftables: the pods' addresses, one range a family; other sources are masqueraded",
      type: "string",
      array: true,
      requiresArg: true,
      coerce: readClusterCidr,
    })
    .option(
      "masquerade-all",
      trueOrFalse("masquerade-all", "modes iptables and nftables: masquerade whatever goes to a cluster IP"),
    );
}

export interface RulesArguments {
  readonly clusterCidr?: readonly string[] | undefined;
  readonly masqueradeAll?: boolean | undefined;
}

export interface ModeArguments extends RulesArguments {
  readonly mode: Mode;
  readonly scheduler?: string | undefined;
}

/** What the compilers are to be told. */
export function programOptions({ scheduler, clusterCidr, masqueradeAll }: Partial<ModeArguments>): ProgramOptions {
  const detectLocal = clusterCidr && { detectLocal: { by: "cluster-cidr", ranges: clusterCidr } as const };
  const masquerade = masqueradeAll === undefined ? {} : { masqueradeAll };
  return {
    iptables: { ...masquerade, ...detectLocal },
    nftables: { ...masquerade, ...detectLocal },
    ipvs: scheduler === undefined ? {} : { scheduler },
  };
}

/** Options that only some modes have. */
interface OwnedArguments extends Omit<Partial<ModeArguments>, "mode"> {
  readonly modern?: boolean | undefined;
}

const owners: Readonly<Record<keyof OwnedArguments, { readonly flag: string; readonly modes: readonly Mode[] }>> = {
  scheduler: { flag: "--scheduler", modes: ["ipvs"] },
  clusterCidr: { flag: "--cluster-cidr", modes: ["iptables", "nftables"] },
  masqueradeAll: { flag: "--masquerade-all", modes: ["iptables", "nftables"] },
  modern: { flag: "--modern", modes: ["userspace"] },
};

/**
 * An option that nobody would look at is a mistake.
 *
 * @param chosen the modes that the command is about.
 * @throws {SluiceError} CONFIG_INVALID for an option that none of them has.
 */
export function requireModes(args: OwnedArguments, chosen: readonly Mode[]): true {
  for (const [name, { flag, modes: having }] of Object.entries(owners)) {
    const given = args[name as keyof OwnedArguments];
    if (given === undefined || having.some((mode) => chosen.includes(mode))) continue;
    const others = chosen.length === 0 ? "without a mode" : `with mode ${chosen.join(" and ")}`;
    throw configInvalid(flag, `only with mode ${having.join(" or ")}`, `${[given].flat().join(" ")} ${others}`);
  }
  return true;
}

/** @throws {SluiceError} CONFIG_INVALID unless they are ranges, one a family. */
function readClusterCidr(texts: readonly string[]): readonly string[] {
  const taken = new Set<number>();
  for (const text of texts) {
    const range = tryParseCidr(text);
    if (range === undefined) throw configInvalid("--cluster-cidr", "a range such as 10.244.0.0/16", text);
    const family = familyOf(range.base);
    if (taken.has(family)) throw configInvalid("--cluster-cidr", `one range of IPv${family}`, texts.join(" "));
    taken.add(family);
  }
  return texts;
}
