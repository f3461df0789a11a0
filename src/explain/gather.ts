import type { Branch, Doubt, Exploration } from "../dataplane/emulated/netfilter/choices.ts";
import {
  type Fraction,
  isNear,
  nearReciprocal,
  ONE,
  plus,
  rest,
  sameFraction,
  times,
  ZERO,
} from "../dataplane/emulated/netfilter/fraction.ts";
import { formatSocketAddr } from "../net/flow.ts";
import type { Endpoint, PacketEnd, PacketOutcome } from "./packet-outcome.ts";

/** All outcomes, alike ones as one, and what was not understood but made no difference. */
export interface Gathered {
  readonly outcomes: readonly PacketOutcome[];
  readonly harmless: readonly Doubt[];
}

/**
 * Adds up the branches of a walk: probabilities are multiplied along each, and added where the ends are alike. What
 * depends on something that nobody can tell is one outcome, `undecided`, with both ways in it.
 *
 * @returns in the order of the rules.
 */
export function gather({ branches, complete }: Exploration<PacketEnd>): Gathered {
  const harmless = new Map<string, Doubt>();
  const outcomes = gatherFrom(branches, 0, harmless);
  const all = complete ? outcomes : [...outcomes, unfinished(outcomes, branches[0]!.end)];
  return { outcomes: all.map(named), harmless: [...harmless.values()] };
}

/** Probabilities are those of what follows the first `depth` choices, which all branches have in common. */
function gatherFrom(
  branches: readonly Branch<PacketEnd>[],
  depth: number,
  harmless: Map<string, Doubt>,
): readonly PacketOutcome[] {
  const choice = branches[0]!.choices[depth];
  if (choice === undefined) return [outcomeOf(branches[0]!)];
  if (choice.kind === "doubt") return gatherDoubt(branches, depth, choice.doubt, harmless);
  const merged = new Map<string, PacketOutcome>();
  for (const group of groups(branches, depth)) {
    const made = group[0]!.choices[depth]!;
    if (made.kind !== "draw") continue;
    const { exact, meant } = made.chances[made.index]!;
    for (const outcome of gatherFrom(group, depth + 1, harmless)) {
      const scaled = {
        ...outcome,
        exact: times(outcome.exact, exact),
        probability: times(outcome.probability, meant),
      };
      merge(merged, scaled);
    }
  }
  return [...merged.values()];
}

function groups(branches: readonly Branch<PacketEnd>[], depth: number): readonly (readonly Branch<PacketEnd>[])[] {
  const byIndex = new Map<number, Branch<PacketEnd>[]>();
  for (const branch of branches) {
    const made = branch.choices[depth]!;
    const index = made.kind === "draw" ? made.index : Number(!made.holds);
    const known = byIndex.get(index);
    if (known === undefined) byIndex.set(index, [branch]);
    else known.push(branch);
  }
  return [...byIndex.values()];
}

function gatherDoubt(
  branches: readonly Branch<PacketEnd>[],
  depth: number,
  doubt: Doubt,
  harmless: Map<string, Doubt>,
): readonly PacketOutcome[] {
  const [first = [], second = []] = groups(branches, depth);
  const holds = gatherFrom(first, depth + 1, harmless);
  if (second.length === 0) return holds;
  const fails = gatherFrom(second, depth + 1, harmless);
  if (sameOutcomes(holds, fails)) {
    harmless.set(doubtKey(doubt), doubt);
    return fails;
  }
  const { end } = second[0]!;
  return [
    {
      ...end,
      verdict: "undecided",
      by: `${doubt.where}: ${doubt.why}`,
      probability: ONE,
      exact: ONE,
      doubt,
      ways: { holds: holds.map(named), fails: fails.map(named) },
    },
  ];
}

function outcomeOf({ end, givenUp }: Branch<PacketEnd>): PacketOutcome {
  const outcome = { ...end, probability: ONE, exact: ONE };
  if (givenUp === undefined) return outcome;
  return { ...outcome, verdict: "undecided", by: `${givenUp.where}: ${givenUp.why}`, doubt: givenUp };
}

function merge(merged: Map<string, PacketOutcome>, outcome: PacketOutcome): void {
  const key = outcomeKey(outcome);
  const known = merged.get(key);
  if (known === undefined) merged.set(key, outcome);
  else {
    const probability = plus(known.probability, outcome.probability);
    merged.set(key, { ...known, probability, exact: plus(known.exact, outcome.exact) });
  }
}

/** Alike are outcomes that no client and no server can tell apart. */
function outcomeKey({ verdict, to, source, ways, doubt, by, back }: PacketOutcome): string {
  const ends = verdict === "drop" || verdict === "reject" ? "" : `${endpointText(to)} ${endpointText(source)}`;
  const inside = ways === undefined ? "" : [...ways.holds, ...ways.fails].map(outcomeKey).join();
  const reason = verdict === "undecided" ? by : "";
  return [verdict, ends, doubt === undefined ? "" : doubtKey(doubt), inside, reason, back?.verdict ?? ""].join("|");
}

function sameOutcomes(a: readonly PacketOutcome[], b: readonly PacketOutcome[]): boolean {
  const keys = new Map(a.map((outcome) => [outcomeKey(outcome), outcome.exact]));
  return (
    a.length === b.length &&
    b.every((outcome) => {
      const exact = keys.get(outcomeKey(outcome));
      return exact !== undefined && sameFraction(exact, outcome.exact);
    })
  );
}

function doubtKey({ where, rule, why }: Doubt): string {
  return `${where} ${rule} ${why}`;
}

/** An endpoint as text; a port that is drawn is a range, and an address without ports stands alone. */
export function endpointText({ ip, port, ports }: Endpoint): string {
  const text = formatSocketAddr({ ip, port });
  if (ports !== undefined) return `${text.slice(0, text.lastIndexOf(":"))}:${ports.first}-${ports.last}`;
  return port === 0 ? text.slice(0, text.lastIndexOf(":")) : text;
}

/** Calls a number by what it means: 1/n where it is within 2⁻³⁰ of that. */
function named(outcome: PacketOutcome): PacketOutcome {
  return { ...outcome, probability: nameOf(outcome.exact, outcome.probability) };
}

function nameOf(exact: Fraction, meant: Fraction): Fraction {
  return nearReciprocal(exact) ?? (isNear(exact, meant) ? meant : exact);
}

/** There are more branches than anybody could read: what is left of the probability is not told. */
function unfinished(outcomes: readonly PacketOutcome[], end: PacketEnd): PacketOutcome {
  const left = rest(outcomes.reduce((sum, { exact }) => plus(sum, exact), ZERO));
  const by = "there are too many branches to walk them all";
  return { ...end, verdict: "undecided", by, probability: left, exact: left };
}
