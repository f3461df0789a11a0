import type { ResolvedBenchOptions, SubjectSpec } from "../options.ts";
import type { CreateDataplane } from "../stage.ts";

/** Who is measured twice. */
interface SharedControl {
  readonly pair: readonly [reference: string, again: string];
  readonly resolved: ResolvedBenchOptions;
  wrap(create: CreateDataplane): CreateDataplane;
  readonly text: string;
}

/**
 * The first subject that picks at random, once more, with picks of its own: with the same ones it would do the same by
 * itself. Without such a subject the client that goes to the endpoints in turn, which is measured twice anyway.
 */
export function controlOf(resolved: ResolvedBenchOptions): SharedControl {
  const spec = resolved.subjects.find(isRandom);
  const text = ([reference, again]: SharedControl["pair"], how: string): string =>
    `The control: ${again} is ${reference} once more${how}.`;
  if (spec === undefined) {
    const pair = ["direct", "direct-again"] as const;
    return { pair, resolved, wrap: (create) => create, text: text(pair, "") };
  }
  const again = { ...spec, name: `${spec.name}-again` };
  const pair = [spec.name, again.name] as const;
  return {
    pair,
    resolved: { ...resolved, subjects: [...resolved.subjects, again] },
    wrap:
      (create) =>
      (options, one, ...others) =>
        create(one === again ? { ...options, seed: (options.seed + 1) % 2 ** 32 } : options, one, ...others),
    text: text(pair, ", on threads of its own and with other random picks"),
  };
}

function isRandom(spec: SubjectSpec): boolean {
  return "mode" in spec && (spec.mode === "iptables" || spec.mode === "nftables");
}
