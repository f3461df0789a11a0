/**
 * The things of two lists that are not the very same ones (`===`) in both, each in the order of its list. Where little
 * changed that is little, and costs one walk: what is the same at both ends is passed over.
 */
export function unshared<T extends object>(
  before: readonly T[],
  after: readonly T[],
): { readonly before: readonly T[]; readonly after: readonly T[] } {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  const were = before.slice(start, before.length - end);
  const are = after.slice(start, after.length - end);
  if (were.length === 0 || are.length === 0) return { before: were, after: are };
  return { before: without(were, new Set(are)), after: without(are, new Set(were)) };
}

function without<T>(list: readonly T[], others: ReadonlySet<T>): readonly T[] {
  return list.filter((one) => !others.has(one));
}
