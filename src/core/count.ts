/** `1 worker`, `2 workers`. @param many what several are called, where an `s` does not do. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
