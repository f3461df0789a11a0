/**
 * uvu behind a wrapper that has no false greens: uvu alone exits 0 when a hook throws, when a test throws something
 * that is no Error, when `.run()` is forgotten and when `.only` is left in; and it waits for ever.
 */
import { appendFileSync } from "node:fs";
import { inspect } from "node:util";
import { suite as uvuSuite } from "uvu";
import { hasSampled, sampleBySeed, seedLine } from "./full-run.ts";

type Body = () => void | Promise<void>;

export interface Suite {
  (name: string, body: Body): void;
  /** Not run, and said so; where CI is set, where nothing may be missing, a skip fails the file. */
  skip(name: string, reason: string): void;
  before(body: Body): void;
  /** Once all its tests are done, the last declared first; a test may declare one for what it has just made. */
  after(body: Body): void;
  beforeEach(body: Body): void;
  afterEach(body: Body): void;
}

/** How long the process may live on once all its tests are done; whatever holds it then was left open by a test. */
const GRACE_MS = 3000;
let suitesOpen = 0;
let turns = 0;

/** Coverage is counted here; a command that a test starts runs from dist/, which is not looked at, and would be slower. */
delete process.env["NODE_V8_COVERAGE"];
const tally = { declared: 0, passed: 0, failed: 0, skipped: 0, hooksFailed: 0 };

process.on("exit", (code) => {
  const unfinished = tally.declared - tally.passed - tally.failed;
  const strict = process.env["CI"] !== undefined && tally.skipped > 0;
  const red = unfinished > 0 || tally.failed > 0 || tally.hooksFailed > 0 || tally.declared + tally.skipped === 0;
  if (red) console.error(`STRICT: ${JSON.stringify({ ...tally, unfinished })}`);
  if (strict) console.error(`STRICT: ${tally.skipped} skipped where CI allows none`);
  const file = process.env["SLUICE_TEST_TALLY"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ ...tally, unfinished, sampled: hasSampled() })}\n`);
  if (code === 0 && (red || strict)) process.exitCode = 1;
});

export interface SuiteOptions {
  /** For each test and each hook. @default 60 000, which a busy host needs */
  readonly timeoutMs?: number;
  /**
   * So many of its tests, by the seed, run where not all are to; they must not need each other. Suites of one file that
   * have the same tests run different ones.
   *
   * @default all of them
   */
  readonly sampled?: number;
}

/** Declares a suite; it runs by itself once the file has been read. */
export function suite(name: string, { timeoutMs = 60_000, sampled }: SuiteOptions = {}): Suite {
  const inner = uvuSuite(name);
  let hookError: Error | undefined;
  let started = false;
  const declared: { readonly test: string; readonly body: Body }[] = [];
  /** uvu itself forgets those that are declared while it runs. */
  const afterwards: (() => Promise<void>)[] = [];

  const hook = (kind: string, body: Body) => async (): Promise<void> => {
    try {
      await within(timeoutMs, `${name} ${kind}`, body);
    } catch (thrown) {
      tally.hooksFailed += 1;
      hookError ??= plainError(thrown);
      console.error(`\nHOOK ${name} ${kind}: ${hookError.stack}`);
    }
  };
  const declare = (test: string, body: Body): void => {
    if (started) throw new Error(`declared once its suite had started (an await after suite()?): ${test}`);
    declared.push({ test, body });
  };
  const add = ({ test, body }: (typeof declared)[number]): void => {
    tally.declared += 1;
    inner(test, async () => {
      try {
        if (hookError !== undefined) throw hookError;
        await within(timeoutMs, test, body);
        tally.passed += 1;
      } catch (thrown) {
        tally.failed += 1;
        throw plainError(thrown);
      }
    });
  };
  suitesOpen += 1;
  queueMicrotask(() => {
    started = true;
    const chosen = sampled === undefined ? declared : sampleBySeed(declared, sampled, turns++);
    const left = declared.length - chosen.length;
    if (left > 0) console.log(`${name}: ${chosen.length} of ${declared.length} tests, ${seedLine}`);
    for (const one of chosen) add(one);
    inner.after(async () => {
      for (const last of afterwards.toReversed()) await last();
      suiteDone();
    });
    inner.run();
  });
  return Object.assign(declare, {
    skip(test: string, reason: string) {
      tally.skipped += 1;
      console.log(`SKIP ${name}: ${test}: ${reason}`);
    },
    before: (body: Body) => inner.before(hook("before", body)),
    after: (body: Body) => void afterwards.push(hook("after", body)),
    beforeEach: (body: Body) => inner.before.each(hook("beforeEach", body)),
    afterEach: (body: Body) => inner.after.each(hook("afterEach", body)),
  });
}

function suiteDone(): void {
  suitesOpen -= 1;
  if (suitesOpen > 0) return;
  const late = setTimeout(() => {
    console.error(
      `STRICT: still alive ${GRACE_MS} ms after the last test: ${process.getActiveResourcesInfo().join(", ")}`,
    );
    process.exit(1);
  }, GRACE_MS);
  late.unref();
}

async function within(timeoutMs: number, what: string, body: Body): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${timeoutMs} ms: ${what}`)), timeoutMs);
  });
  try {
    await Promise.race([Promise.resolve().then(body), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** uvu reads fields of what was thrown: give it an Error that has no others than Node's own assertions have. */
function plainError(thrown: unknown): Error {
  if (!(thrown instanceof Error)) return new Error(`not an Error was thrown: ${inspect(thrown)}`);
  if (thrown.name === "AssertionError") return thrown;
  const error = new Error(thrown.message);
  error.stack = `${thrown.stack}${"details" in thrown ? `\n${inspect(thrown.details)}` : ""}`;
  return error;
}
