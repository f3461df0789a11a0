/** Guards memory that several threads write. Not re-entrant. */
export interface Lock {
  acquire(): void;
  release(): void;
}

/** For memory that only one thread sees. */
export const noLock: Lock = Object.freeze({ acquire() {}, release() {} });
