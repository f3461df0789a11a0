import { WrongField } from "../../cluster/read/fields.ts";
import type { Key } from "../../cluster/text/document.ts";
import type { KubeProxyConfiguration } from "./config.ts";

/** A field whose value cannot be, or cannot be honoured. */
export interface Objection {
  /** `iptables.syncPeriod`, `nodePortAddresses[1]`. */
  readonly field: string;
  readonly expected: string;
}

/** The steps that lead to a field. */
function keysOf(field: string): readonly Key[] {
  return [...field.matchAll(/([^.[\]]+)/g)].map(([key]) => (/^\d+$/.test(key) ? Number(key) : key));
}

export function valueAt(config: KubeProxyConfiguration, field: string): unknown {
  return keysOf(field).reduce<unknown>((value, key) => (value as Record<Key, unknown>)[key], config);
}

/** The objection as an error of whoever reads the text. @param given the value in the file. */
export function wrongField({ field, expected }: Objection, config: KubeProxyConfiguration): WrongField {
  return new WrongField(keysOf(field), expected, valueAt(config, field));
}
