/** Things a block: a change costs the join of so many, and a walk over the blocks. */
const THINGS = 128;

/**
 * Joins what many things come to, block by block. A block of the very same things (`===`) as stood at its place the last
 * time is not joined again, so its join is the very same, too.
 *
 * @param join of at most 128 things, in order.
 */
export function joiningBlocks<T extends object, J>(
  join: (things: readonly T[]) => J,
): (things: readonly T[]) => readonly J[] {
  let before: { readonly things: readonly T[]; readonly joined: readonly J[] } = { things: [], joined: [] };
  return (things) => {
    const joined: J[] = [];
    for (let start = 0; start < things.length; start += THINGS) {
      const kept = before.joined[joined.length];
      const same = kept !== undefined && sameBlock(before.things, things, start);
      joined.push(same ? kept : join(things.slice(start, start + THINGS)));
    }
    before = { things, joined };
    return joined;
  };
}

function sameBlock<T>(before: readonly T[], after: readonly T[], start: number): boolean {
  const end = Math.min(start + THINGS, after.length);
  if (end !== Math.min(start + THINGS, before.length)) return false;
  for (let i = start; i < end; i += 1) if (before[i] !== after[i]) return false;
  return true;
}
