/** Work that is done in turn within a group; groups do not wait for each other. */
export interface OneAtATime {
  /** @param work starts when all before it in its group is done; it calls `done` once. */
  queue(group: string, work: (done: () => void) => void): void;
}

export function createOneAtATime(): OneAtATime {
  const groups = new Map<string, ((done: () => void) => void)[]>();

  const next = (group: string, waiting: ((done: () => void) => void)[]): void => {
    const work = waiting[0];
    if (work === undefined) {
      groups.delete(group);
      return;
    }
    work(() => {
      waiting.shift();
      next(group, waiting);
    });
  };
  return {
    queue(group, work) {
      const waiting = groups.get(group);
      if (waiting !== undefined) {
        waiting.push(work);
        return;
      }
      const first = [work];
      groups.set(group, first);
      next(group, first);
    },
  };
}
