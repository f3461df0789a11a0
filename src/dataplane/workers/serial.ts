/** Runs work one after the other, in the order in which it was given. */
export interface Serial {
  /** Resolves or rejects as the work does; what comes after it runs either way. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when everything given so far is done. */
  idle(): Promise<void>;
}

export function createSerial(): Serial {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run<T>(work: () => Promise<T>) {
      const done = last.then(work);
      last = done.catch(() => {});
      return done;
    },
    idle: async () => void (await last),
  };
}
