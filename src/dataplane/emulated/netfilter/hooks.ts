import type { HookName, HookVerdict, Walk } from "./walk.ts";

/** Something that the kernel calls at a hook: a chain of a table. */
export interface HookFunction {
  readonly hook: HookName;
  /** They run in ascending order. Those of NAT run together, where NAT stands, in this order. */
  readonly priority: number;
  readonly kind: "filter" | "nat";
  run(walk: Walk): HookVerdict;
}

/** Where the kernel's own parts stand among them. */
export const priorities = {
  raw: -300,
  conntrack: -200,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
} as const;

/** What runs at one hook, in three parts: before conntrack, then up to NAT, then the rest. */
export interface HookParts {
  readonly beforeConntrack: readonly HookFunction[];
  readonly beforeNat: readonly HookFunction[];
  readonly nat: readonly HookFunction[];
  readonly afterNat: readonly HookFunction[];
}

const natPriority: Readonly<Record<HookName, number>> = {
  PREROUTING: priorities.dstnat,
  OUTPUT: priorities.dstnat,
  INPUT: priorities.srcnat,
  POSTROUTING: priorities.srcnat,
  FORWARD: Infinity,
};
const tracks: ReadonlySet<HookName> = new Set(["PREROUTING", "OUTPUT"]);

export type Hooks = Readonly<Record<HookName, HookParts>>;

/** Sorts what a node runs by hook and priority. */
export function prepareHooks(functions: readonly HookFunction[]): Hooks {
  const sorted = functions.toSorted((a, b) => a.priority - b.priority);
  const partsOf = (hook: HookName): HookParts => {
    const own = sorted.filter((one) => one.hook === hook);
    const filters = own.filter(({ kind }) => kind === "filter");
    const conntrack = tracks.has(hook) ? priorities.conntrack : -Infinity;
    const nat = natPriority[hook];
    return {
      beforeConntrack: filters.filter(({ priority }) => priority <= conntrack),
      beforeNat: filters.filter(({ priority }) => priority > conntrack && priority < nat),
      nat: own.filter(({ kind }) => kind === "nat"),
      afterNat: filters.filter(({ priority }) => priority > conntrack && priority >= nat),
    };
  };
  return {
    PREROUTING: partsOf("PREROUTING"),
    INPUT: partsOf("INPUT"),
    FORWARD: partsOf("FORWARD"),
    OUTPUT: partsOf("OUTPUT"),
    POSTROUTING: partsOf("POSTROUTING"),
  };
}
