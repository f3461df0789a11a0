/**
 * What does it cost to decide a new flow among many services, by the rules one after the other and by the compiled walk,
 * which looks rules up and counts them all the same? An operation is a flow; `rules` is how many one passes.
 */
import { planNode } from "../../src/agent/plan.ts";
import { generateCluster } from "../../src/cluster/generate.ts";
import { manualClock } from "../../src/core/clock.ts";
import { seededRandom } from "../../src/core/random.ts";
import { createNodeState } from "../../src/dataplane/emulated/node-state.ts";
import { createPoolKeeper } from "../../src/dataplane/emulated/pools.ts";
import { prepareDecider } from "../../src/dataplane/emulated/prepare-decider.ts";
import type { Choices } from "../../src/dataplane/emulated/netfilter/choices.ts";
import { assembleNode } from "../../src/explain/assemble-node.ts";
import { partsOfProgram } from "../../src/explain/node-of-program.ts";
import { buildModel } from "../../src/model/build.ts";
import { compileProgram } from "../../src/modes/compile.ts";
import type { Flow } from "../../src/net/flow.ts";
import { parseIp } from "../../src/net/ip.ts";
import { type Bench } from "../frame/bench.ts";
import { runBench } from "../frame/run-bench.ts";

const SERVICES = 10_000;
const FLOWS = 4096;
const client = parseIp("10.244.0.77");

interface Case {
  readonly mode: "iptables" | "nftables" | "ipvs";
  readonly walk: "compiled" | "trace";
  readonly targetNs?: number;
}

const cases: readonly Case[] = [
  { mode: "iptables", walk: "compiled", targetNs: 5000 },
  { mode: "nftables", walk: "compiled", targetNs: 2000 },
  { mode: "ipvs", walk: "compiled", targetNs: 2000 },
  { mode: "nftables", walk: "trace" },
  { mode: "iptables", walk: "trace" },
];

interface Prepared {
  readonly flows: readonly Flow[];
  /** @returns how many rules and entries the flow passed, and whether it found an endpoint. */
  decide(flow: Flow): { readonly steps: number; readonly found: boolean };
  found: number;
  steps: number;
}

/** Chance takes its first way, the same each time. */
const first: Choices = { draw: () => 0, doubt: () => false };

const bench: Bench<Case, Prepared> = {
  name: "emulated/decide",
  question: `what does a new flow cost among ${SERVICES} services?`,
  cases,
  label: ({ mode, walk }) => `${mode}, ${walk}`,
  targetNs: ({ targetNs }) => targetNs,
  setup({ mode, walk }) {
    const snapshot = generateCluster({ services: SERVICES, endpointsPerService: 3, nodes: 10, seed: 1 });
    const model = buildModel(snapshot, snapshot.nodes[0]!.metadata.name);
    const program = compileProgram(mode, model);
    const plan = planNode(model, mode);
    const flows = plan.frontends
      .filter(({ kind, addr }) => kind === "cluster-ip" && typeof addr.ip === "number")
      .slice(0, FLOWS)
      .map(({ proto, addr }) => ({ proto, src: client, srcPort: 40_000, dst: addr.ip, dstPort: addr.port }));
    return { flows, decide: walk === "trace" ? byNode() : byDecider(), found: 0, steps: 0 };

    function byNode(): Prepared["decide"] {
      const { node } = assembleNode(partsOfProgram(program, plan)!);
      return (flow) => {
        const { walk: walked, arrival } = node.walk(flow, "eth0", first);
        return { steps: walked.passed, found: arrival.at === "sent" };
      };
    }

    function byDecider(): Prepared["decide"] {
      const random = seededRandom(1);
      const state = createNodeState(random, manualClock());
      const keeper = createPoolKeeper({ threads: 1, shared: false, random });
      state.use(program, keeper.prepare(program));
      keeper.commit();
      const decider = prepareDecider(program, plan, state.decisions);
      return (flow) => {
        const { steps, verdict } = decider.decide(flow, 0);
        return { steps, found: verdict === "forward" };
      };
    }
  },
  run(prepared) {
    for (const flow of prepared.flows) {
      const { steps, found } = prepared.decide(flow);
      prepared.steps += steps;
      if (found) prepared.found += 1;
    }
    return prepared.flows.length;
  },
  quality({ flows, decide }) {
    const answers = flows.map(decide);
    const found = answers.filter((answer) => answer.found).length;
    return { rules: answers.reduce((sum, { steps }) => sum + steps, 0) / flows.length, found: found / flows.length };
  },
  check: ({ found }) => (found! < 1 ? `only ${found} of the flows found an endpoint` : undefined),
};

await runBench(import.meta.url, bench);
