/**
 * Creates engines while the host refuses something, as `SLUICE_REFUSE` says to `native/test-refusals`; prints what came of
 * each wish as JSON. The wishes are its arguments; `descriptors` has all of them taken, `descriptors 1` all but one.
 */
import { closeSync, openSync, readdirSync } from "node:fs";
import { isSluiceError } from "../../src/core/errors.ts";
import { chooseEngine } from "../../src/dataplane/workers/choose-engine.ts";
import { createCounterMemory } from "../../src/dataplane/workers/counters.ts";
import { createNativeEngine } from "../../src/dataplane/workers/native-engine/native-engine.ts";
import { policyOf } from "../../src/dataplane/workers/policy.ts";

/** What came of a wish. */
export interface Refused {
  /** Empty: there was an engine. */
  readonly message: string;
  /** Descriptors more than before. */
  readonly left: number;
}

const chosen = chooseEngine("native");
if (chosen.name !== "native") throw new Error("not built");
const { addon } = chosen;
const policy = policyOf("iptables", { modern: false, udpIdleMs: undefined });
const router = { changed: () => {}, route: () => [] };
const open = (): number => readdirSync("/proc/self/fd").length;

function create(counters: SharedArrayBuffer): string {
  try {
    createNativeEngine(addon, router, { counters, policy, backlog: 1, maxUdpFlows: 4 }).stop();
    return "";
  } catch (error) {
    return isSluiceError(error, "DATAPLANE_FAILED") ? error.message : `not ours: ${String(error)}`;
  }
}

function whileDescriptorsAreTaken<T>(but: number, run: () => T): T {
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync("/dev/null", "r"));
  } catch {
    // All are.
  }
  for (const fd of taken.splice(0, but)) closeSync(fd);
  try {
    return run();
  } finally {
    for (const fd of taken) closeSync(fd);
  }
}

function wish(what: string): string {
  const memory = createCounterMemory();
  if (what === "memory") return create(new SharedArrayBuffer(8));
  if (what.startsWith("descriptors"))
    return whileDescriptorsAreTaken(Number(what.split(" ")[1] ?? 0), () => create(memory));
  process.env["SLUICE_REFUSE"] = what;
  try {
    return create(memory);
  } finally {
    delete process.env["SLUICE_REFUSE"];
  }
}

// What Node opens once is open after the first.
wish("none");
const report: Record<string, Refused> = {};
for (const what of process.argv.slice(2)) {
  const before = open();
  const message = wish(what);
  await new Promise(setImmediate);
  report[what] = { message, left: open() - before };
}
console.log(JSON.stringify(report));
