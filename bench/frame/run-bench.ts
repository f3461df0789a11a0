import { availableParallelism, cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freshSeed, type Random, seededRandom } from "../../src/core/random.ts";
import { execOk } from "../../src/host/exec.ts";
import { FEWEST_BLOCKS } from "../../src/measure/intervals.ts";
import type { Bench, Quality } from "./bench.ts";
import { type CaseFigures, renderFigures, renderRatios } from "./render.ts";
import { bytesPerOperation, type Measured, timeRuns } from "./sample.ts";

/** Intervals of the fewest rounds that have any are wide. */
const ROUNDS = FEWEST_BLOCKS + 2;
const CHILD_TIMEOUT_MS = 600_000;

/** What a child process prints, as JSON. */
interface CaseResult extends Measured {
  readonly bytesPerOperation: number | undefined;
  readonly quality: Quality;
  readonly problem: string | undefined;
}

/** What to run of a bench. */
interface Plan {
  /** Indexes of cases. */
  readonly chosen: readonly number[];
  readonly rounds: number;
  readonly seed: number;
  readonly heap: boolean;
}

/**
 * Runs a bench: each round runs every case once, in an order shuffled afresh, in a process of its own; so what the
 * machine does meanwhile hits all cases alike. Ends with exit code 1 when a check finds something wrong.
 *
 * Options of the command line: `--rounds N`, `--seed N` of the order, `--only PATTERN` for the cases whose label it matches,
 * `--no-heap` to count no bytes.
 *
 * @param file `import.meta.url` of the bench, which its children run too.
 */
export async function runBench<Case, Prepared>(file: string, bench: Bench<Case, Prepared>): Promise<void> {
  const { values } = parseArgs({
    options: {
      child: { type: "string" },
      heap: { type: "boolean", default: false },
      rounds: { type: "string", default: String(ROUNDS) },
      seed: { type: "string", default: String(freshSeed()) },
      only: { type: "string", default: "" },
      "no-heap": { type: "boolean", default: false },
    },
  });
  if (values.child !== undefined) {
    const one = bench.cases[Number(values.child)]!;
    console.log(JSON.stringify(await measureCase(bench, one, values.heap)));
    return;
  }
  const only = new RegExp(values.only);
  const chosen = [...bench.cases.keys()].filter((index) => only.test(bench.label(bench.cases[index]!)));
  printHead(`${bench.name}: ${bench.question}`, chosen.length, Number(values.seed), Number(values.rounds));
  const plan = { chosen, rounds: Number(values.rounds), seed: Number(values.seed), heap: !values["no-heap"] };
  const results = await measureAll(file, bench, plan);
  const figures = chosen.map((index) => figuresOf(bench, bench.cases[index]!, results.get(index)!));
  console.log(renderFigures(figures));
  if (bench.ratios !== undefined) console.log(renderRatios(figures, bench.ratios));
  console.log(`load average afterwards ${loadavg()[0]!.toFixed(1)}`);
  const problems = chosen.flatMap((index) => problemsOf(bench.label(bench.cases[index]!), results.get(index)!));
  for (const problem of problems) console.error(`wrong: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}

function printHead(title: string, cases: number, seed: number, rounds: number): void {
  console.log(title);
  console.log(`${cases} cases, ${rounds} rounds in random order (--seed ${seed}), a process a case and round`);
  console.log(
    `Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model}, load average ${loadavg()[0]!.toFixed(1)}`,
  );
}

/** @returns the results of all rounds, by index of the case. */
async function measureAll<Case, Prepared>(
  file: string,
  bench: Bench<Case, Prepared>,
  { chosen, rounds, seed, heap }: Plan,
): Promise<ReadonlyMap<number, CaseResult[]>> {
  const random = seededRandom(seed);
  const results = new Map<number, CaseResult[]>(chosen.map((index) => [index, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const index of shuffled(chosen, random)) {
      // Counting bytes takes longer than timing, and does not vary: once is enough.
      const options = heap && round === 0 ? ["--heap"] : [];
      const argv = [process.execPath, fileURLToPath(file), "--child", String(index), ...options] as const;
      const output = await execOk(argv, { timeoutMs: CHILD_TIMEOUT_MS });
      results.get(index)!.push(JSON.parse(output) as CaseResult);
      if (process.stderr.isTTY) process.stderr.write(`\rround ${round + 1}: ${bench.label(bench.cases[index]!)}\x1b[K`);
    }
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  return results;
}

async function measureCase<Case, Prepared>(
  bench: Bench<Case, Prepared>,
  one: Case,
  countHeap: boolean,
): Promise<CaseResult> {
  const prepared = bench.setup(one);
  const run = (): number => bench.run(prepared);
  const measured = await (bench.time?.(run, one) ?? timeRuns(run));
  const operations = countHeap ? bench.heapOperations?.(one) : undefined;
  const bytes = operations === undefined ? undefined : bytesPerOperation(run, operations);
  const quality = bench.quality?.(prepared) ?? {};
  return { ...measured, bytesPerOperation: bytes, quality, problem: bench.check?.(quality, one) };
}

function figuresOf<Case, Prepared>(
  bench: Bench<Case, Prepared>,
  one: Case,
  results: readonly CaseResult[],
): CaseFigures {
  return {
    label: bench.label(one),
    ns: results.map(({ nsPerOperation }) => nsPerOperation),
    processorNs: results.flatMap(({ processorNsPerOperation }) => processorNsPerOperation ?? []),
    targetNs: bench.targetNs?.(one),
    bytes: results[0]?.bytesPerOperation,
    quality: results.at(-1)?.quality ?? {},
  };
}

function problemsOf(label: string, results: readonly CaseResult[]): string[] {
  const problems = new Set(results.map(({ problem }) => problem).filter((problem) => problem !== undefined));
  return [...problems].map((problem) => `${label}: ${problem}`);
}

/** Fisher and Yates's. */
function shuffled(values: readonly number[], random: Random): number[] {
  const order = [...values];
  for (let left = order.length; left > 1; left -= 1) {
    const other = random.below(left);
    [order[left - 1], order[other]] = [order[other]!, order[left - 1]!];
  }
  return order;
}
