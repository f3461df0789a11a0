/** Where threads wait for each other, so that they really work at the same time. */
export function startLine(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

/** Blocks until so many threads have come here. */
export function waitForAll(line: SharedArrayBuffer, threads: number): void {
  const arrived = new Int32Array(line);
  let here = Atomics.add(arrived, 0, 1) + 1;
  if (here === threads) Atomics.notify(arrived, 0);
  while (here < threads) {
    Atomics.wait(arrived, 0, here);
    here = Atomics.load(arrived, 0);
  }
}
