/**
 * How long does a large dump of iptables take to be read, how much memory, and how long a trace through it? Each figure is
 * of a fresh process, as a user's command is one: 200,000 lines are to be read in 3 s and 600 MB, a trace is to take 50 ms.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateCluster } from "../../src/cluster/generate.ts";
import { buildModel } from "../../src/model/build.ts";
import { compileProgram } from "../../src/modes/compile.ts";
import { renderIptables } from "../../src/modes/iptables/render.ts";
import type { Bench } from "../frame/bench.ts";
import { runBench } from "../frame/run-bench.ts";
import { median } from "../frame/sample.ts";

interface Case {
  readonly services: number;
  readonly endpoints: number;
}

interface Prepared {
  readonly file: string;
  readonly lines: number;
  readonly to: string;
  readonly port: number;
}

/** What the program prints. */
interface Figures {
  readonly loadMs: number;
  /** Of all threads; what else the machine does disturbs it less. */
  readonly loadCpuMs: number;
  readonly firstTraceMs: number;
  readonly traceMs: number;
  readonly peakMb: number;
  readonly outcomes: number;
}

const LOAD_TARGET_NS = 3e9;
const program = fileURLToPath(new URL("load-program.js", import.meta.url));

const SAMPLES = 3;
const samples: Figures[] = [];

const bench: Bench<Case, Prepared> = {
  name: "emulated/load",
  question: "what does it cost to read a large iptables-save?",
  cases: [{ services: 20_000, endpoints: 2 }],
  label: ({ services, endpoints }) => `${services} services, ${endpoints} endpoints each`,
  targetNs: () => LOAD_TARGET_NS,
  setup({ services, endpoints }) {
    const snapshot = generateCluster({ services, endpointsPerService: endpoints, nodes: 10, seed: 1 });
    const model = buildModel(snapshot, snapshot.nodes[0]!.metadata.name);
    const compiled = compileProgram("iptables", model, {
      iptables: { detectLocal: { by: "cluster-cidr", ranges: ["10.244.0.0/16"] } },
    });
    if (compiled.mode !== "iptables") throw new Error(compiled.mode);
    const text = renderIptables(
      compiled.rulesets.find(({ family }) => family === 4)!,
      "save",
    );
    const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "iptables-save.txt");
    writeFileSync(file, text);
    const service = snapshot.services.at(-1)!;
    const { clusterIP: to = "" } = service.spec;
    const port = service.spec.ports.find(({ protocol }) => protocol === "TCP")?.port ?? 0;
    return { file, lines: text.split("\n").length, to, port };
  },
  run({ file, to, port }) {
    const output = execFileSync(process.execPath, [program, file, to, String(port)], { encoding: "utf8" });
    samples.push(JSON.parse(output) as Figures);
    return 1;
  },
  /** The time is that of the reading alone, without the start of a process. */
  async time(run) {
    for (let sample = 0; sample < SAMPLES; sample += 1) run();
    const loads = samples.map(({ loadMs }) => loadMs * 1e6);
    const processor = samples.map(({ loadCpuMs }) => loadCpuMs * 1e6);
    return { nsPerOperation: median(loads), processorNsPerOperation: median(processor) };
  },
  quality({ lines }) {
    const { firstTraceMs, traceMs, peakMb, outcomes } = samples.at(-1)!;
    return { lines, "first trace ms": firstTraceMs, "trace ms": traceMs, "peak MB": peakMb, outcomes };
  },
  check: ({ lines, outcomes }, { endpoints }) =>
    lines! >= 200_000 && outcomes === endpoints ? undefined : `${lines} lines, ${outcomes} outcomes`,
};

await runBench(import.meta.url, bench);
