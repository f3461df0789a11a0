/**
 * Engines under load in threads that are terminated at random moments: `FOLDER SEED ROUNDS LONGEST_MS`, the folder that
 * has the addon. For sanitizers, which watch the addon from inside. No round begins after so long; says at the end how
 * many there were.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { seededRandom } from "../../src/core/random.ts";
import { threadFile } from "../../src/host/thread-file.ts";

const [folder = "", seed, rounds, longestMs] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const THREADS = 3;
const LONGEST_MS = 400;

async function liveAndDie(lifeMs: number): Promise<void> {
  const thread = new Worker(threadFile(import.meta.url, "busy-engine-thread"), { workerData: folder });
  await once(thread, "message");
  await new Promise((resolve) => setTimeout(resolve, lifeMs));
  await thread.terminate();
}

let round = 0;
for (; round < Number(rounds) && performance.now() < Number(longestMs); round += 1) {
  await Promise.all(Array.from({ length: THREADS }, () => liveAndDie(random.below(LONGEST_MS))));
}
console.log(`${round} rounds`);
