/** The signals that ask a process to stop, while it catches them. */
export interface StopSignals {
  /** Resolves at the first one. */
  readonly first: Promise<void>;
  /** Resolves at the second one: whoever sends it does not want to wait. A third one ends the process. */
  readonly second: Promise<void>;
  /** How many have come. */
  readonly count: number;
  /** From here on they do again what they do by default. */
  release(): void;
}

const names = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

export function catchStopSignals(): StopSignals {
  const waiting: (() => void)[] = [];
  const [first, second] = [0, 1].map(() => new Promise<void>((resolve) => waiting.push(resolve)));
  let count = 0;
  const caught = (): void => {
    waiting[count]!();
    count += 1;
    if (count === waiting.length) release();
  };
  const release = (): void => {
    for (const name of names) process.off(name, caught);
  };
  for (const name of names) process.on(name, caught);
  return {
    first: first!,
    second: second!,
    get count() {
      return count;
    },
    release,
  };
}
