import type { Random } from "../core/random.ts";
import type { Watch } from "../dataplane/emulated/decider.ts";
import { formatSocketAddr, type SocketAddr } from "../net/flow.ts";

/** What becomes of a packet. */
type Ending =
  | {
      readonly verdict: "forward";
      readonly to: SocketAddr;
      /** Whether the endpoint sees the node in the client's place; undefined: what decides it was not walked. */
      readonly masquerade: boolean | undefined;
    }
  | { readonly verdict: "drop" | "reject" | "pass" };

/** What became of a packet, and how many rules or entries were looked at. */
export type TracedDecision = Ending & { readonly steps: number };

/** One thing that may become of a packet, and how likely it is, above 0 up to 1. */
export type Outcome = Ending & { readonly probability: number };

/** Decides a flow anew, leaving nothing behind, with this random source and this watch. */
export type DecideAside = (random: Random, watch: Watch) => TracedDecision;

interface Draw {
  readonly held: boolean;
  readonly probability: number;
}

/**
 * Everything that may become of a packet, in the order of the rules: each random condition of the walk is made to hold
 * and then to fail, and probabilities are multiplied along the way, from the thresholds that the kernel compares with.
 *
 * One walk a branch; a service of n endpoints has n.
 */
export function outcomesOf(decide: DecideAside): readonly Outcome[] {
  const found = new Map<string, Outcome>();
  let forced: readonly boolean[] | undefined = [];
  while (forced !== undefined) {
    const { decision, draws } = walk(decide, forced);
    const probability = draws.reduce(
      (product, draw) => product * (draw.held ? draw.probability : 1 - draw.probability),
      1,
    );
    if (probability > 0) add(found, decision, probability);
    forced = nextBranch(draws);
  }
  return [...found.values()];
}

/** Walks once. @param forced how the first draws end; the ones behind them hold. */
function walk(decide: DecideAside, forced: readonly boolean[]): { decision: TracedDecision; draws: readonly Draw[] } {
  const draws: Draw[] = [];
  // Conditions hold when 31 bits are below their threshold: 0 is, the largest number is not.
  const u32 = (): number => (draws.at(-1)!.held ? 0 : 0xffff_ffff);
  const decision = decide(
    { u32, below: () => 0 },
    { drawing: (probability) => draws.push({ held: forced[draws.length] ?? true, probability }) },
  );
  return { decision, draws };
}

/** Turns the last draw round that could still end the other way. @returns undefined when all branches were walked. */
function nextBranch(draws: readonly Draw[]): readonly boolean[] | undefined {
  const last = draws.findLastIndex(({ held, probability }) => held && probability < 1);
  return last < 0 ? undefined : [...draws.slice(0, last).map(({ held }) => held), false];
}

function add(found: Map<string, Outcome>, decision: TracedDecision, probability: number): void {
  const { verdict } = decision;
  const end = verdict === "forward" ? ` ${formatSocketAddr(decision.to)} ${decision.masquerade}` : "";
  const key = verdict + end;
  const sum = (found.get(key)?.probability ?? 0) + probability;
  if (verdict !== "forward") found.set(key, { verdict, probability: sum });
  else found.set(key, { verdict, to: decision.to, masquerade: decision.masquerade, probability: sum });
}
