/**
 * How fast do we forward, next to nginx's `stream` and HAProxy?
 *
 * Every proxy has one worker, stands ready from the start and has carried each work for a while before it is measured:
 * what compiles as it runs has done so. In each round a work is done by all of them, one after the other in random
 * order, so that what the host does meanwhile hits all alike. The proxy runs on one processor, the generator and the
 * backends on another. The floor is no proxy. Processor time is the proxy's own, and is disturbed least by what else the
 * host does.
 *
 * Options: `--rounds N`, `--slice-ms N`, `--warm-ms N`, `--seed N` of the order; to measure a part, `--only PATTERN` for
 * the works (`^$`: none), `--memory`, `--share`; `--out FILE` adds to what another part has left there. Without
 * `--memory` and `--share` both are measured when all works are.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freshSeed, type Random, seededRandom } from "../../src/core/random.ts";
import { chooseEngine } from "../../src/dataplane/workers/choose-engine.ts";
import { execOk, type RunningCommand, startCommand } from "../../src/host/exec.ts";
import { compileLoad } from "./compile-load.ts";
import { idleMemory } from "./idle-memory.ts";
import { javascriptShare } from "./javascript-share.ts";
import { type Backend, protoOf, type Work, works } from "./proxied.ts";
import { renderFigures } from "./render-figures.ts";
import { renderTargets } from "./render-targets.ts";
import { type Figure, type Measured, OURS, readResult, writeResult } from "./result.ts";
import { direct, OTHER_CPU, ours, peer, type Subject, untilReady } from "./subjects.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "10" },
    "slice-ms": { type: "string", default: "1000" },
    "warm-ms": { type: "string", default: "1000" },
    only: { type: "string", default: "" },
    memory: { type: "boolean", default: false },
    share: { type: "boolean", default: false },
    seed: { type: "string", default: String(freshSeed()) },
    out: { type: "string" },
  },
});

/** What the generator prints. */
interface Generated {
  readonly operations: number;
  readonly bytes: number;
  readonly errors: number;
  readonly elapsedNs: number;
  readonly p99Ns: number;
}

const everything = values.only === "" && !values.memory && !values.share;
const chosen = works.filter(({ name }) => new RegExp(values.only).test(name));
const folder = mkdtempSync(join(tmpdir(), "sluice-forward-"));
const commands: RunningCommand[] = [];
const load = await compileLoad(folder);
try {
  const backends = await startBackends();
  const part: Measured = {
    figures: chosen.length > 0 ? await measureAll(backends) : [],
    memory: everything || values.memory ? await measureMemory(backends) : {},
    share: everything || values.share ? await measureShare(backends) : undefined,
  };
  const { measured, conditions } = await readResult(values.out, part, {
    seed: Number(values.seed),
    rounds: Number(values.rounds),
    sliceMs: Number(values["slice-ms"]),
  });
  console.log(JSON.stringify(conditions));
  console.log(renderFigures(measured.figures));
  console.log(renderTargets(measured));
  if (values.out !== undefined) writeResult(values.out, measured, conditions);
  console.log(`load average afterwards ${loadavg()[0]!.toFixed(1)}`);
} finally {
  for (const command of commands) await command.stop("SIGKILL");
  rmSync(folder, { recursive: true });
}

async function startBackends(): Promise<readonly Backend[]> {
  const kinds = [...new Set(works.map(({ kind }) => kind))];
  return Promise.all(
    kinds.map(async (work) => {
      const command = startCommand(["taskset", "-c", OTHER_CPU, load, "backend", work]);
      commands.push(command);
      await untilReady(command, () => command.stdout().endsWith("\n"));
      return { work, proto: protoOf(work), port: Number(command.stdout()) };
    }),
  );
}

/** How each proxy is started. */
function starters(backends: readonly Backend[]): readonly (() => Promise<Subject | string>)[] {
  const { name: engine } = chooseEngine("native");
  return [
    () => ours({ engine, backends }),
    () => ours({ engine: "node", backends }),
    () => peer("nginx", folder, backends),
    () => peer("haproxy", folder, backends),
  ];
}

async function measureAll(backends: readonly Backend[]): Promise<readonly Figure[]> {
  const subjects: Subject[] = [direct(backends)];
  try {
    for (const start of starters(backends)) {
      const one = await start();
      if (typeof one === "string") console.log(`not measured: ${one}`);
      else subjects.push(one);
    }
    const random = seededRandom(Number(values.seed));
    const figures: Figure[] = [];
    for (const { work, subject } of slices(subjects, random)) await generate(work, subject, values["warm-ms"]);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const { work, subject } of slices(subjects, random))
        figures.push({ round, ...(await measure(work, subject)) });
    }
    return figures;
  } finally {
    for (const subject of subjects) await subject.stop();
  }
}

/** Each work once by each subject: those of one work follow each other, since what comes of them is compared. */
function slices(subjects: readonly Subject[], random: Random): readonly { work: Work; subject: Subject }[] {
  return inRandomOrder(chosen, random).flatMap((work) => {
    const able = subjects.filter(({ ports }) => ports[work.kind] !== undefined);
    return inRandomOrder(able, random).map((subject) => ({ work, subject }));
  });
}

function inRandomOrder<T>(list: readonly T[], random: Random): readonly T[] {
  const keyed = list.map((value) => ({ value, key: random.below(2 ** 30) }));
  return keyed.sort((a, b) => a.key - b.key).map(({ value }) => value);
}

async function generate(work: Work, subject: Subject, ms: string): Promise<Generated> {
  const argv = ["generate", work.kind, String(subject.ports[work.kind]), String(work.lanes), String(work.bytes), ms];
  const rate = work.rate === undefined ? [] : [String(work.rate)];
  return JSON.parse(await execOk(["taskset", "-c", OTHER_CPU, load, ...argv, ...rate])) as Generated;
}

async function measure(work: Work, subject: Subject): Promise<Omit<Figure, "round">> {
  const cpuBefore = subject.cpuNs();
  const { elapsedNs, errors, p99Ns, ...counts } = await generate(work, subject, values["slice-ms"]);
  const count = counts[work.counts];
  const cpuAfter = subject.cpuNs();
  return {
    work: work.name,
    counts: work.counts,
    subject: subject.name,
    perSecond: (count * 1e9) / elapsedNs,
    cpuNsEach: cpuBefore === undefined ? undefined : (cpuAfter! - cpuBefore) / count,
    p99Ns,
    errors,
  };
}

async function measureMemory(backends: readonly Backend[]): Promise<Measured["memory"]> {
  const memory: Record<string, readonly number[]> = {};
  for (const start of starters(backends)) Object.assign(memory, await idleMemory(start, load));
  return memory;
}

async function measureShare(backends: readonly Backend[]): Promise<Measured["share"]> {
  const subject = await starters(backends)[0]!();
  if (typeof subject === "string" || subject.name !== OURS) return undefined;
  try {
    const shares = await javascriptShare(subject, load, folder);
    if (typeof shares !== "string") return shares;
    console.log(`not measured: JavaScript's share: ${shares}`);
    return undefined;
  } finally {
    await subject.stop();
  }
}
