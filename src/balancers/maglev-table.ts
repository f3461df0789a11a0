import { NO_BACKEND } from "./balancer.ts";

/** Who takes an entry of a Maglev table when, and which one. Members by index, in one order for all arrays. */
export interface MaglevPlan {
  /** The slot of each member. */
  readonly slots: readonly number[];
  /** The members in the order in which they take entries, at least as many as there are entries. */
  readonly turns: Int32Array;
  /** The first entry of each member's permutation, 0…m − 1. */
  readonly offsets: Int32Array;
  /** How far each further one is from the one before, 1…m − 1. */
  readonly skips: Int32Array;
}

/** Fills a table: whoever's turn it is takes the first entry of its permutation that is free. @param table a prime length m. */
export function fillInTurns(table: Int32Array, { slots, turns, offsets, skips }: MaglevPlan): void {
  const size = table.length;
  const positions = offsets.slice();
  table.fill(NO_BACKEND);
  for (let turn = 0; turn < size; turn += 1) {
    const member = turns[turn]!;
    const skip = skips[member]!;
    let position = positions[member]!;
    while (table[position] !== NO_BACKEND) {
      position += skip;
      if (position >= size) position -= size;
    }
    table[position] = slots[member]!;
    positions[member] = position;
  }
}

/**
 * The members in the order of their turns: by round, and in a round by index. All have a turn in round 1; with weight w
 * and the largest weight v, turn j from 0 on is in the first round t later than the last one with t·w ≥ j·v. O(count).
 *
 * @param weights of the members, at least one, all above 0.
 * @param count how many turns are needed.
 * @returns at least that many, whole rounds.
 */
export function turnsByWeight(weights: readonly number[], count: number): Int32Array {
  const largest = weights.reduce((a, b) => Math.max(a, b));
  const rounds = roundsFor(weights, largest, count);
  const ends = new Int32Array(rounds + 2);
  const each = (turn: (member: number, round: number) => void): void => {
    for (const [member, weight] of weights.entries()) {
      for (let nth = turnsUntil(rounds, weight, largest) - 1; nth >= 0; nth -= 1) {
        turn(member, roundOf(nth, weight, largest));
      }
    }
  };
  each((_member, round) => (ends[round + 1]! += 1));
  for (let round = 1; round <= rounds + 1; round += 1) ends[round]! += ends[round - 1]!;
  const turns = new Int32Array(ends[rounds + 1]!);
  each((member, round) => {
    turns[ends[round]!] = member;
    ends[round]! += 1;
  });
  return turns;
}

/** How many rounds it takes until there were so many turns; the heaviest have one in each. */
function roundsFor(weights: readonly number[], largest: number, count: number): number {
  let [low, high] = [1, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    const turns = weights.reduce((sum, weight) => sum + turnsUntil(middle, weight, largest), 0);
    if (turns < count) low = middle + 1;
    else high = middle;
  }
  return low;
}

function turnsUntil(round: number, weight: number, largest: number): number {
  return weight === largest ? round : 1 + Math.floor((round * weight) / largest);
}

function roundOf(turn: number, weight: number, largest: number): number {
  if (weight === largest) return turn + 1;
  return turn === 0 ? 1 : Math.ceil((turn * largest) / weight);
}
