import type { Argv } from "yargs";
import { ipvsSchedulers } from "../balancers/registry.ts";
import type { ProgramOptions } from "../modes/compile.ts";
import { type Mode, modes } from "../modes/program.ts";

/** The options of every command that compiles a program. */
export function modeOptions<T>(argv: Argv<T>) {
  return argv
    .option("mode", {
      describe: "how a backend is chosen",
      choices: modes,
      default: "iptables" satisfies Mode as Mode,
      requiresArg: true,
    })
    .option("scheduler", {
      describe: "mode ipvs: the kernel's scheduler",
      choices: ipvsSchedulers,
      default: "rr",
      requiresArg: true,
    })
    .option("cluster-cidr", {
      describe: "mode iptables: the pods' addresses, one range a family; other sources are masqueraded",
      type: "string",
      array: true,
      requiresArg: true,
    })
    .option("masquerade-all", {
      describe: "mode iptables: masquerade whatever goes to a cluster IP",
      type: "boolean",
      default: false,
    });
}

export interface ModeArguments {
  readonly mode: Mode;
  readonly scheduler: string;
  readonly clusterCidr?: readonly string[] | undefined;
  readonly masqueradeAll: boolean;
}

/** What the compilers are to be told. */
export function programOptions({ scheduler, clusterCidr, masqueradeAll }: ModeArguments): ProgramOptions {
  const detectLocal =
    clusterCidr === undefined ? {} : { detectLocal: { by: "cluster-cidr", ranges: clusterCidr } as const };
  return { iptables: { masqueradeAll, ...detectLocal }, ipvs: { scheduler } };
}
