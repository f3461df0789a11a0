import { SluiceError } from "../../core/errors.ts";
import type { IpSet } from "./ip-set.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { entryText } from "./render-sets.ts";
import type { KernelState } from "./state.ts";

/** Options that the kernel changes by itself. */
const ofTheKernel: ReadonlySet<string> = new Set(["hashsize", "bucketsize", "initval"]);

/**
 * Plans the sets: those of others are left alone.
 *
 * @throws {SluiceError} DATAPLANE_FAILED where another one has the name of one of ours, of a type that cannot be swapped.
 */
export function planSets(draft: PlanDraft, wanted: readonly IpSet[], { sets }: KernelState): void {
  const present = new Map(sets.map((set) => [set.name, set]));
  for (const set of wanted) {
    const known = present.get(set.name);
    const through = temporaryName(set);
    // Left by one that did not come to its end.
    if (present.has(through)) draft.prepare.push({ kind: "delete-set", name: through });
    if (known === undefined) draft.add.push({ kind: "add-set", set });
    else if (!isExchangeable(known, set)) throw occupied(known, set);
    else if (textOf(known) !== textOf(set)) draft.edit.push({ kind: "replace-set", set, through });
  }
}

/** As long as the name itself, which may be as long as any. */
function temporaryName({ name }: IpSet): string {
  return name.replace(/^KUBE-/, "TEMP-");
}

/** What the kernel asks of two sets that are to change places. */
function isExchangeable(a: IpSet, b: IpSet): boolean {
  const family = ({ options }: IpSet): string | undefined => options.find(({ name }) => name === "family")?.value;
  return a.type === b.type && family(a) === family(b);
}

/** The same for two sets that hold the same. */
function textOf({ options, entries }: IpSet): string {
  const own = options.filter(({ name }) => !ofTheKernel.has(name));
  return JSON.stringify([own, entries.map(entryText).sort()]);
}

function occupied({ name, type }: IpSet, wanted: IpSet): SluiceError<"DATAPLANE_FAILED"> {
  const what = `the set ${name} is there with type ${type}, not ${wanted.type}: it has to be destroyed first`;
  return new SluiceError("DATAPLANE_FAILED", `kernel: ${what}`, { dataplane: "kernel", what });
}
