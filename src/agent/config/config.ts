import type { z } from "zod";
import type { Mode } from "../../modes/program.ts";
import type { configSchema } from "./schema.ts";

/** Every field is there; a list that was left out is empty. */
type Complete<T> = {
  readonly [K in keyof T]-?: NonNullable<T[K]> extends readonly (infer E)[]
    ? readonly E[]
    : NonNullable<T[K]> extends Readonly<Record<string, unknown>>
      ? string extends keyof NonNullable<T[K]>
        ? Readonly<NonNullable<T[K]>>
        : Complete<NonNullable<T[K]>>
      : NonNullable<T[K]>;
};

/** A KubeProxyConfiguration as it stands in a file: whatever it leaves out is missing or null. */
export type ConfigFile = z.input<typeof configSchema>;

/** The modes that a configuration can ask for. */
export type ConfigMode = Mode | "nftables";

/**
 * A KubeProxyConfiguration in force, in kube-proxy's own form and names: all defaults filled in, durations as Go writes
 * them (`1m30s`; `durationMs` reads them), addresses with their ports. What it means for a host is in the functions that
 * take one.
 */
export type KubeProxyConfiguration = Omit<Complete<ConfigFile>, "mode"> & { readonly mode: ConfigMode };
