/**
 * How fast do we forward, next to nginx's `stream` and HAProxy?
 *
 * Every proxy has one worker and stands ready from the start; slices of all are interleaved in random order, so that
 * what the host does meanwhile hits all alike. The proxy runs on one processor, the generator and the backends on
 * another. The floor is no proxy. Processor time is the proxy's own, and is disturbed least by what else the host does.
 *
 * Options: `--rounds N`, `--slice-ms N`, `--only PATTERN` for the works, `--seed N` of the order.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freshSeed, seededRandom } from "../../src/core/random.ts";
import { chooseEngine } from "../../src/dataplane/workers/choose-engine.ts";
import { execOk, type RunningCommand, startCommand } from "../../src/host/exec.ts";
import { inProject } from "../../test/support/root.ts";
import { type Backend, protoOf, type Work, works } from "./proxied.ts";
import { type Figure, renderFigures } from "./render-figures.ts";
import { direct, OTHER_CPU, ours, peer, type Subject, untilReady } from "./subjects.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "10" },
    "slice-ms": { type: "string", default: "1000" },
    only: { type: "string", default: "" },
    seed: { type: "string", default: String(freshSeed()) },
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

const folder = mkdtempSync(join(tmpdir(), "sluice-forward-"));
const load = join(folder, "load");
const commands: RunningCommand[] = [];
const subjects: Subject[] = [];
try {
  await compileLoad();
  const backends = await startBackends();
  await startSubjects(backends);
  console.log(
    `${availableParallelism()} × ${cpus()[0]?.model}, load average ${loadavg()[0]!.toFixed(1)}, seed ${values.seed}, ${values.rounds} rounds of ${values["slice-ms"]} ms`,
  );
  console.log(renderFigures(await measureAll()));
  console.log(`load average afterwards ${loadavg()[0]!.toFixed(1)}`);
} finally {
  for (const subject of subjects) await subject.stop();
  for (const command of commands) await command.stop("SIGKILL");
  rmSync(folder, { recursive: true });
}

async function compileLoad(): Promise<void> {
  const sources = readdirSync(inProject("native", "load")).filter((file) => file.endsWith(".c"));
  const paths = sources.map((file) => inProject("native", "load", file));
  await execOk(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", load, ...paths], { timeoutMs: 120_000 });
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

async function startSubjects(backends: readonly Backend[]): Promise<void> {
  const { name } = chooseEngine("native");
  const all = [
    direct(backends),
    await ours({ engine: name, backends }),
    await ours({ engine: "node", backends }),
    await peer("nginx", folder, backends),
    await peer("haproxy", folder, backends),
  ];
  for (const one of all) {
    if (typeof one === "string") console.log(`not measured: ${one}`);
    else subjects.push(one);
  }
}

async function measureAll(): Promise<readonly Figure[]> {
  const random = seededRandom(Number(values.seed));
  const chosen = works.filter(({ name }) => new RegExp(values.only).test(name));
  const figures: Figure[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const slices = chosen.flatMap((work) => subjects.map((subject) => ({ work, subject, key: random.below(2 ** 30) })));
    for (const { work, subject } of slices.sort((a, b) => a.key - b.key)) {
      if (subject.ports[work.kind] === undefined) continue;
      figures.push({ round, ...(await measure(work, subject)) });
    }
  }
  return figures;
}

async function measure(work: Work, subject: Subject): Promise<Omit<Figure, "round">> {
  const cpuBefore = subject.cpuNs();
  const argv = ["generate", work.kind, String(subject.ports[work.kind]), String(work.lanes), String(work.bytes)];
  const said = await execOk(["taskset", "-c", OTHER_CPU, load, ...argv, values["slice-ms"]]);
  const { elapsedNs, errors, p99Ns, ...counts } = JSON.parse(said) as Generated;
  const count = counts[work.counts];
  const cpuAfter = subject.cpuNs();
  return {
    work: work.name,
    subject: subject.name,
    perSecond: (count * 1e9) / elapsedNs,
    cpuNsEach: cpuBefore === undefined ? undefined : (cpuAfter! - cpuBefore) / count,
    p99Ns,
    errors,
  };
}
