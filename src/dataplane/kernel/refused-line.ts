/** A line of input that a restore command did not take. */
export interface RefusedLine {
  /** Counted from 1. */
  readonly number: number;
  readonly text: string;
}

/**
 * The line that iptables-restore complains of: `line 7: RULE_APPEND failed (…)`, `Error occurred at line: 4`,
 * `iptables-restore: line 23 failed`.
 *
 * @returns undefined when it names none, as when it did not get the lock.
 */
export function refusedLine(stderr: string, input: string): RefusedLine | undefined {
  const number = Number(/\bline:? (\d+)/i.exec(stderr)?.[1] ?? 0);
  const text = input.split("\n")[number - 1];
  return text === undefined ? undefined : { number, text };
}

/**
 * The tables that were changed before a line was refused: each is changed as a whole, at its last COMMIT. What came
 * with others before that is led to by nothing.
 */
export function committedBefore({ number }: RefusedLine, input: string): ReadonlySet<string> {
  const done = new Set<string>();
  let table = "";
  for (const [index, line] of input.split("\n").entries()) {
    if (line.startsWith("*")) {
      table = line.slice(1);
      done.delete(table);
    } else if (line === "COMMIT" && index < number - 1) done.add(table);
  }
  return done;
}
