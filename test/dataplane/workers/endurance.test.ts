/** Very many connections one after the other, by the load generator in C: what is left of each would add up. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec, execOk, startCommand } from "../../../src/host/exec.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { inProject } from "../../support/root.ts";
import { runs } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { killForwarding, startForwarding } from "./forwarding-process.ts";
import { until } from "./peers.ts";
import { whyMissing } from "./running.ts";

const CONNECTIONS = runs(1_000_000, 20_000);
/** Before growth is counted. */
const WARM_UP = runs(20_000, 2000);
/** Natively what a busy host takes. Node's own sockets carry fewer than all in theirs: what comes stands for all. */
const LONGEST_MS = { native: 1_200_000, node: 230_000 } as const;
/** At a time. */
const LANES = "8";
const SLICE_MS = runs(5000, 1000);
/**
 * In the sample less than a connection costs, for each of them: 900 bytes natively, 10,000 on Node's sockets; in the
 * full run less than any of its parts. JavaScript's heaps grow and shrink by tens of megabytes meanwhile.
 */
const GROWTH_BYTES = { native: 12_000_000, node: 64_000_000 } as const;

const ip = parseIp("127.0.0.1");
const folder = mkdtempSync(join(tmpdir(), "sluice-load-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
const load = join(folder, "load");
const obstacle = await buildLoad();

for (const engine of ["node", "native"] as const) {
  const test = suite(`workers: endurance, ${engine} engine`, { timeoutMs: LONGEST_MS[engine] + 60_000 });
  const most = engine === "native" ? `${CONNECTIONS}` : `as many as come in four minutes, at most ${CONNECTIONS},`;
  const name = `${most} connections in sequence leave no memory and no descriptor behind`;
  const missing = whyMissing(engine) ?? obstacle;
  test.after(killForwarding);
  if (missing !== undefined) test.skip(name, missing);
  else
    test(name, async () => {
      const backend = startCommand([load, "backend", "close"]);
      try {
        await until(() => backend.stdout().includes("\n") || backend.ended);
        const endpoint = { ip, port: Number(backend.stdout()) };
        // Below what the host gives out by itself, and no other process's of this test.
        const at = { ip, port: 10_000 + (process.pid % 20_000) };
        const forwarding = await startForwarding(engine, at, { tcp: endpoint, udp: endpoint });
        const descriptors = forwarding.descriptors();
        const quiet = (): Promise<void> => until(() => forwarding.descriptors() === descriptors);
        const endMs = performance.now() + LONGEST_MS[engine];
        const connect = async (count: number): Promise<number> => {
          let done = 0;
          while (done < count && performance.now() < endMs) done += await slice(at.port);
          await quiet();
          return done;
        };
        const warmUp = await connect(WARM_UP);
        const before = forwarding.ownBytes();
        const done = await connect(CONNECTIONS - warmUp);
        const growth = forwarding.ownBytes() - before;
        const all = warmUp + done;
        const rest = all < CONNECTIONS ? `, of ${CONNECTIONS} as many as came in ${LONGEST_MS[engine] / 1000} s` : "";
        console.log(`${engine} engine: ${growth} bytes more after ${all} connections${rest}`);
        assert.ok(growth < GROWTH_BYTES[engine], `${growth} bytes more`);
        const { accepted, active, refused, acceptFailures } = await forwarding.stop();
        assert.ok(accepted! >= warmUp + done);
        assert.ok(done > 0 && (engine === "node" || warmUp + done >= CONNECTIONS), `only ${done}`);
        assert.deepEqual({ active, refused, acceptFailures }, { active: 0, refused: 0, acceptFailures: 0 });
      } finally {
        await backend.stop("SIGKILL");
      }
    });
}

/** @returns how many connections were opened, answered and ended in a slice of time. */
async function slice(port: number): Promise<number> {
  const argv = [load, "generate", "close", `${port}`, LANES, "64", `${SLICE_MS}`] as const;
  const { operations, errors } = JSON.parse(await execOk(argv)) as { operations: number; errors: number };
  assert.ok(operations > 0);
  assert.equal(errors, 0);
  return operations;
}

/** @returns why there is none. */
async function buildLoad(): Promise<string | undefined> {
  const sources = readdirSync(inProject("native", "load")).filter((file) => file.endsWith(".c"));
  const paths = sources.map((file) => inProject("native", "load", file));
  const argv = ["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", load, ...paths] as const;
  try {
    const { exitCode, stderr } = await exec(argv, { timeoutMs: 120_000 });
    return exitCode === 0 ? undefined : stderr;
  } catch {
    return "there is no C compiler";
  }
}
