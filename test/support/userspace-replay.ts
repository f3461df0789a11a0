/** Replays a recording of the userspace mode with whatever can carry its connections. */
import assert from "node:assert/strict";
import { planNode } from "../../src/agent/plan.ts";
import type { NodePlan } from "../../src/dataplane/dataplane.ts";
import { buildModel } from "../../src/model/build.ts";
import { compileProgram } from "../../src/modes/compile.ts";
import type { Program } from "../../src/modes/program.ts";
import type { Forward, ForwardTable } from "../../src/modes/userspace/forward-table.ts";
import { type Flow, formatSocketAddr, type SocketAddr, TCP, UDP } from "../../src/net/flow.ts";
import { formatIp, isLoopback, parseIp } from "../../src/net/ip.ts";
import { parseSocketAddr } from "../../src/net/parse-socket-addr.ts";
import type { RecordedCheck, UserspaceRecording } from "./userspace-recording.ts";

/** The recorder's pods. */
const pods: ReadonlyMap<string, string> = new Map([
  ["10.244.1.10", "pod-a"],
  ["10.244.1.11", "pod-b"],
  ["10.244.2.10", "pod-c"],
  ["10.244.2.11", "pod-d"],
  ["10.244.2.12", "pod-e"],
]);
/** Nothing listens there. */
const silentPods: ReadonlySet<string> = new Set(["pod-d", "pod-e"]);
/** The node's end of its pods' links. */
const podSide = "10.244.1.1";
const nodeSources: ReadonlySet<string> = new Set(["192.168.10.5", podSide]);
const sources = { client: "192.168.10.100", "pod-client": "10.244.1.50", node: "192.168.10.5" } as const;

/** What a client of the recording met: the pod that answered, or the recorder's word for what it got instead. */
export type Answer = string;

/** Carries connections by the program that was applied last. */
export interface Carrier {
  apply(program: Program, plan: NodePlan): Promise<void>;
  /** @param again a further datagram of a socket that sent before. */
  connect(flow: Flow, again: boolean): Promise<Answer> | Answer;
  sleep(ms: number): Promise<void> | void;
}

export function podAt({ ip }: SocketAddr): string {
  return pods.get(formatIp(ip))!;
}

export function refuses(endpoint: SocketAddr): boolean {
  return silentPods.has(podAt(endpoint));
}

/** What a client gets of a flow that reaches no endpoint: behind the node lies a gateway that drops everything. */
export function unanswered({ proto }: Flow, verdict: "drop" | "reject" | "pass"): Answer {
  return verdict === "drop" && proto === TCP ? "closed-without-data" : "timeout";
}

/** A stage of a recording as the node has it. */
interface Stage {
  readonly program: Extract<Program, { mode: "userspace" }>;
  readonly plan: NodePlan;
}

/** What each stage compiles to, each on top of the one before. */
export function compileStages({ stages, nodeName, options }: UserspaceRecording): readonly Stage[] {
  const compiled: Stage[] = [];
  for (const { snapshot } of stages) {
    const model = buildModel(snapshot, nodeName);
    const onNode = { ...model, node: { ...model.node, addresses: [...model.node.addresses, parseIp(podSide)] } };
    const before = compiled.at(-1)?.program.table;
    const userspace = { ...options, ...(before === undefined ? {} : { before }) };
    const program = compileProgram("userspace", onNode, { userspace });
    assert.ok(program.mode === "userspace");
    compiled.push({ program, plan: planNode(onNode, "userspace") });
  }
  return compiled;
}

/**
 * @returns how many checks were compared.
 * @throws {AssertionError} where an answer differs from the record.
 */
export async function replay(recording: UserspaceRecording, carrier: Carrier): Promise<number> {
  const names = new EndpointNames();
  let clientPort = 1024;
  let checks = 0;
  for (const [index, { program, plan }] of compileStages(recording).entries()) {
    await carrier.apply(program, plan);
    const { name, acts } = recording.stages[index]!;
    for (const act of acts) {
      if ("sleepMs" in act) {
        await carrier.sleep(act.sleepMs);
        continue;
      }
      const what = `${recording.name}, ${name}, ${act.check}`;
      const answers: Answer[] = [];
      for (const at of act.sequence.keys()) {
        const again = act.op === "udpstream" && at > 0;
        if (again) await carrier.sleep(act.gapMs);
        else clientPort += 1;
        answers.push(await carrier.connect(flowOf(act, at, clientPort), again));
      }
      assert.deepEqual(canonical(answers), act.canonical, `${what}: ${answers.join(" ")}`);
      names.compare(forwardAt(program.table, act), act.sequence, answers, what);
      assertNodeSeen(act, what);
      checks += 1;
    }
  }
  return checks;
}

function flowOf({ from, op, target, locals }: RecordedCheck, at: number, srcPort: number): Flow {
  const { ip: dst, port: dstPort } = parseSocketAddr(target, "target");
  const own = from === "node" && isLoopback(dst) ? formatIp(dst) : sources[from];
  const source = locals === undefined ? own : locals[at % locals.length]!;
  return { proto: op === "tcp" ? TCP : UDP, src: parseIp(source), srcPort, dst, dstPort };
}

function forwardAt({ forwards }: ForwardTable, { op, target }: RecordedCheck): Forward | undefined {
  const { port } = parseSocketAddr(target, "target");
  const ofProtocol = forwards.filter(({ proto }) => proto === (op === "tcp" ? TCP : UDP));
  return ofProtocol.find(
    ({ portals, nodePort }) => nodePort === port || portals.some(({ addr }) => formatSocketAddr(addr) === target),
  );
}

/** Backends numbered by first appearance. */
function canonical(answers: readonly Answer[]): readonly (number | string)[] {
  const numbers = new Map<string, number>();
  return answers.map((answer) => {
    if (!answer.startsWith("pod-")) return answer;
    if (!numbers.has(answer)) numbers.set(answer, numbers.size);
    return numbers.get(answer)!;
  });
}

/**
 * kube-proxy shuffled its endpoints, and so do we: which of the record's is which of ours shows in the first round, and
 * must then stay, from check to check and through changes that do not change the set of endpoints.
 */
class EndpointNames {
  readonly #services = new Map<string, { readonly endpoints: string; readonly names: Map<string, string> }>();

  compare(forward: Forward | undefined, recorded: readonly Answer[], ours: readonly Answer[], what: string): void {
    const { names } = this.#of(forward);
    for (const [at, answer] of recorded.entries()) {
      const isPod = answer.startsWith("pod-");
      if (isPod && !names.has(answer)) {
        assert.ok(![...names.values()].includes(ours[at]!), `${what}: ${ours[at]} stands for two`);
        names.set(answer, ours[at]!);
      }
      assert.equal(ours[at], isPod ? names.get(answer) : answer, `${what}: answer ${at} of ${ours.join(" ")}`);
    }
  }

  #of(forward: Forward | undefined) {
    const key = forward?.name ?? "";
    const endpoints = (forward?.endpoints ?? []).map(formatSocketAddr).sort().join(" ");
    const known = this.#services.get(key);
    if (known?.endpoints === endpoints) return known;
    const fresh = { endpoints, names: new Map<string, string>() };
    this.#services.set(key, fresh);
    return fresh;
  }
}

/** The record says that backends see the node and nobody else; carriers are held to it where they say what is seen. */
function assertNodeSeen({ sequence, sourceSeenByBackend = [] }: RecordedCheck, what: string): void {
  const seen = sourceSeenByBackend.map((line) => line.split(" sees ") as [string, string]);
  for (const [pod, source] of seen) assert.ok(nodeSources.has(source), `${what}: ${pod} sees ${source}`);
  const answered = sequence.filter((answer) => answer.startsWith("pod-"));
  assert.deepEqual([...new Set(seen.map(([pod]) => pod))].sort(), [...new Set(answered)].sort(), what);
}
