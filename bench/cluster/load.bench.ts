/**
 * What does it cost to load a large cluster, in time and in memory?
 *
 * Each load runs in a process of its own, so that its peak memory is its own too. The floor is what no reader can
 * avoid: reading the file and, for JSON, `JSON.parse`. In `unusual YAML` every object has a key in quotes, so that
 * the fast reader of plain YAML leaves all of them to the YAML library.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateCluster } from "../../src/cluster/generate.ts";
import { loadCluster } from "../../src/cluster/load.ts";
import { renderObjects } from "../../src/cluster/render-objects.ts";
import { execOk } from "../../src/host/exec.ts";

const SIZE = { services: 10_000, endpointsPerService: 5, nodes: 100, seed: 1 } as const;
const REPEATS = 3;

interface Measured {
  readonly seconds: number;
  /** Of all threads; not disturbed by what else the machine does. */
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

const [task, file] = process.argv.slice(2);
if (task === undefined) await compare();
else console.log(JSON.stringify(await measure(task, file!)));

async function compare(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  try {
    console.log(
      `${SIZE.services} Services, ${SIZE.services} EndpointSlices of ${SIZE.endpointsPerService} endpoints, ${SIZE.nodes} Nodes`,
    );
    for (const [name, path] of writeInputs(folder)) {
      const mb = (statSync(path).size / 1e6).toFixed(1);
      for (const what of ["load", "floor"]) console.log(`${name}, ${mb} MB, ${what}: ${await repeat(what, path)}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writeInputs(folder: string): ReadonlyMap<string, string> {
  const snapshot = generateCluster(SIZE);
  const yaml = renderObjects(snapshot, "yaml");
  const texts = {
    "plain.yaml": yaml,
    "unusual.yaml": yaml.replaceAll(/^ {2}kind:/gm, '  "kind":'),
    "cluster.json": renderObjects(snapshot, "json"),
  };
  const names = { "plain.yaml": "plain YAML", "unusual.yaml": "unusual YAML", "cluster.json": "JSON" };
  for (const [path, text] of Object.entries(texts)) writeFileSync(join(folder, path), text);
  return new Map(Object.entries(names).map(([path, name]) => [name, join(folder, path)]));
}

async function repeat(what: string, path: string): Promise<string> {
  const runs: Measured[] = [];
  for (let i = 0; i < REPEATS; i += 1) {
    const argv = [process.execPath, fileURLToPath(import.meta.url), what, path] as const;
    runs.push(JSON.parse(await execOk(argv, { timeoutMs: 600_000 })) as Measured);
  }
  const peakMb = Math.max(...runs.map((run) => run.peakMb));
  const time = rangeOf(runs.map((run) => run.seconds));
  const cpu = rangeOf(runs.map((run) => run.cpuSeconds));
  return `${time} s, ${cpu} s of processor time in ${REPEATS} runs; peak RSS ${peakMb.toFixed(0)} MB`;
}

function rangeOf(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(2)}…${Math.max(...values).toFixed(2)}`;
}

async function measure(what: string, path: string): Promise<Measured> {
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  if (what === "floor") readOnly(path);
  else await loadChecked(path);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { seconds, cpuSeconds: (user + system) / 1e6, peakMb: process.resourceUsage().maxRSS / 1024 };
}

function readOnly(path: string): void {
  const text = readFileSync(path, "utf8");
  if (path.endsWith(".json")) JSON.parse(text);
}

/** A load that loses something is no result. */
async function loadChecked(path: string): Promise<void> {
  const { snapshot } = await loadCluster([path]);
  const { services, endpointSlices, nodes } = snapshot;
  const endpoints = endpointSlices.reduce((sum, slice) => sum + slice.endpoints.length, 0);
  const found = [services.length, endpointSlices.length, nodes.length, endpoints].join(" ");
  const wanted = [SIZE.services, SIZE.services, SIZE.nodes, SIZE.services * SIZE.endpointsPerService].join(" ");
  if (found !== wanted) throw new Error(`${path}: ${found} objects and endpoints were loaded, not ${wanted}`);
}
