import type { Argv } from "yargs";
import { unshieldDash } from "./dash.ts";

/** The options of every command that reads a cluster. */
export function clusterOptions<T>(argv: Argv<T>) {
  return argv
    .option("f", {
      alias: "file",
      describe: "files, folders or - for stdin: YAML or JSON, as kubectl get -o yaml prints it",
      type: "string",
      array: true,
      requiresArg: true,
      defaultDescription: "the example that ships with sluice",
      coerce: (paths: string[] | undefined) => paths?.map(unshieldDash),
    })
    .option("hostname-override", { describe: "which Node we are", type: "string", requiresArg: true });
}

export interface ClusterArguments {
  readonly f?: readonly string[] | undefined;
  readonly hostnameOverride?: string | undefined;
}
