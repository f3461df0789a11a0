/** Model to text of one node in each mode: 10,000 services of 5 endpoints. */
import { buildModel } from "../../src/model/build.ts";
import type { Model } from "../../src/model/model.ts";
import { compileProgram } from "../../src/modes/compile.ts";
import { modes, type Mode } from "../../src/modes/program.ts";
import { renderProgram } from "../../src/modes/render.ts";
import { runBench } from "../frame/run-bench.ts";
import { largeCluster, NODE } from "./large-cluster.ts";

const SERVICES = 10_000;

interface Prepared {
  readonly mode: Mode;
  readonly model: Model;
  bytes: number;
}

const [snapshot] = await largeCluster(SERVICES);

await runBench<Mode, Prepared>(import.meta.url, {
  name: "sync/compile",
  question: "How long do compiling and rendering take for 10,000 services of 5 endpoints?",
  cases: modes,
  label: (mode) => mode,
  setup: (mode) => ({ mode, model: buildModel(snapshot, NODE), bytes: 0 }),
  run(prepared) {
    const texts = renderProgram(compileProgram(prepared.mode, prepared.model));
    prepared.bytes = texts.reduce((sum, { text }) => sum + text.length, 0);
    return 1;
  },
  quality: ({ bytes }) => ({ megabytes: bytes / 1e6 }),
  // Every endpoint's address stands in the text once at least.
  check: ({ megabytes = 0 }) => (megabytes < 0.5 ? `${megabytes} MB of text for 50,000 endpoints` : undefined),
  targetNs: () => 1e9,
});
