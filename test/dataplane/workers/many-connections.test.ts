/** As many connections as the descriptor limit has room for, two descriptors each. */
import assert from "node:assert/strict";
import { execOk } from "../../../src/host/exec.ts";
import { runs } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { startBackend } from "./backend-process.ts";
import { startCrowd } from "./crowd.ts";
import { killForwarding, startForwarding } from "./forwarding-process.ts";
import { askOnce, freeAddr, until } from "./peers.ts";
import { whyMissing } from "./running.ts";

const LIMIT = runs(20_000, 2500);
const IDLE = runs(8000, 1000);
const ACTIVE = runs(500, 60);
const ROUNDS = runs(200, 20);
/** Of a connection that nothing moves on, in user space; the native engine's. */
const IDLE_BYTES = 1536;
/** What the heap grows by meanwhile, whatever there is: it is a part of few connections, and nothing of many. */
const UNRELATED_BYTES = runs(0, 2_000_000);
/** So many make the heap as large as it is while a few connections come and go. */
const WARM_UP = 300;

const allowed = Number(await execOk(["sh", "-c", "ulimit -Hn"]));

for (const engine of ["node", "native"] as const) {
  const test = suite(`workers: many connections, ${engine} engine`, { timeoutMs: 400_000 });
  const name = `${IDLE} idle and ${ACTIVE} active connections at a limit of ${LIMIT} descriptors`;
  const missing = whyMissing(engine) ?? (allowed < LIMIT ? `at most ${allowed} descriptors here` : undefined);
  test.after(killForwarding);
  if (missing !== undefined) test.skip(name, missing);
  else
    test(name, async () => {
      const backend = await startBackend("echo");
      const at = await freeAddr();
      const limited = ["sh", "-c", `ulimit -n ${LIMIT}; exec "$@"`, "sh"];
      const forwarding = await startForwarding(engine, at, { tcp: backend.addr, udp: backend.addr }, limited);
      const descriptors = forwarding.descriptors();
      for (let one = 0; one < WARM_UP; one += 1) await askOnce(at, "warm");
      await until(() => forwarding.descriptors() === descriptors);
      const before = forwarding.ownBytes();
      const crowd = await startCrowd(at, { idle: IDLE, active: ACTIVE, rounds: ROUNDS });
      try {
        assert.equal(forwarding.descriptors(), descriptors + 2 * IDLE);
        const bytes = (forwarding.ownBytes() - before) / IDLE;
        console.log(`${engine} engine: ${Math.round(bytes)} bytes of user space for each of ${IDLE} idle connections`);
        if (engine === "native") assert.ok(bytes <= IDLE_BYTES + UNRELATED_BYTES / IDLE, `${bytes} bytes`);
        assert.deepEqual(await crowd.finish(), { opened: IDLE + ACTIVE, wrong: 0, ended: 0 });
        await until(() => forwarding.descriptors() === descriptors);
        const { accepted, acceptFailures, refused } = await forwarding.stop();
        assert.deepEqual(
          { accepted, acceptFailures, refused },
          { accepted: WARM_UP + IDLE + ACTIVE, acceptFailures: 0, refused: 0 },
        );
      } finally {
        crowd.kill();
        await backend.kill();
      }
    });
}
