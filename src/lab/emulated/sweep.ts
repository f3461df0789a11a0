import { manualClock } from "../../core/clock.ts";
import { type Random, seededRandom } from "../../core/random.ts";
import type { NodePlan } from "../../dataplane/dataplane.ts";
import { createEmulated, type Emulated } from "../../dataplane/emulated/emulated.ts";
import type { Program } from "../../modes/program.ts";
import { type Flow, formatSocketAddr, type Protocol, type SocketAddr, TCP } from "../../net/flow.ts";
import { type Ip4, parseIp } from "../../net/ip.ts";

/** A program, and the service port that flows go to. Plain data, so that any thread can. */
export interface SweepRequest {
  readonly program: Program;
  readonly plan: NodePlan;
  readonly proto: Protocol;
  /** Where clients send. */
  readonly to: SocketAddr;
  readonly endpoints: readonly SocketAddr[];
  /** TCP connections open at a time; of UDP all stay. */
  readonly lanes: number;
  readonly blocks: number;
  /** New flows in each block; all blocks together at most 64,512, so that no client comes twice. */
  readonly flows: number;
  /** Of clients and of the program's random picks. */
  readonly seed: number;
}

/** What became of the flows of one block. */
export interface SweptBlock {
  /** By endpoint. */
  readonly flows: readonly number[];
  /** Rules and entries that their first packets passed, the mean. */
  readonly rules: number;
  /** Flows that no endpoint got. */
  readonly lost: number;
}

const clients = parseIp("198.18.0.0") as Ip4;
const CLIENTS = 2 ** 17;
const FIRST_PORT = 1024;

/**
 * Opens flows one after the other on an emulated node, whose state goes on from block to block, and counts where they go.
 * The same request gives the same blocks on every host.
 */
export async function sweepFlows(request: SweepRequest): Promise<readonly SweptBlock[]> {
  const { program, plan, endpoints, blocks, flows, seed } = request;
  const random = seededRandom(seed);
  const node = createEmulated({ random, clock: manualClock() });
  await node.apply(program, plan);
  const places = new Map(endpoints.map((endpoint, at) => [formatSocketAddr(endpoint), at]));
  const open: Flow[] = [];
  let port = FIRST_PORT;
  return Array.from({ length: blocks }, (): SweptBlock => {
    const counts = endpoints.map(() => 0);
    let steps = 0;
    for (let number = 0; number < flows; number += 1) {
      const flow = flowFrom(request, random, port);
      port += 1;
      const decision = openFlow(node, flow);
      steps += decision.steps;
      const place = decision.verdict === "forward" ? places.get(formatSocketAddr(decision.to)) : undefined;
      if (place !== undefined) counts[place]! += 1;
      open.push(flow);
      if (open.length >= request.lanes) closeFlow(node, open.shift()!);
    }
    const got = counts.reduce((sum, count) => sum + count, 0);
    return { flows: counts, rules: steps / flows, lost: flows - got };
  });
}

/** A port each, so that no flow is one that is known; an address at random, for schedulers that go by it. */
export function flowFrom({ proto, to }: Pick<SweepRequest, "proto" | "to">, random: Random, srcPort: number): Flow {
  const src = (clients + random.below(CLIENTS)) as Ip4;
  return { proto, src, srcPort, dst: to.ip, dstPort: to.port };
}

/** Until a TCP connection stands, so that schedulers count it as active. */
function openFlow(node: Emulated, flow: Flow): ReturnType<Emulated["packet"]> {
  const decision = node.packet(flow);
  node.packet(flow, "reply");
  if (flow.proto === TCP) node.packet(flow, "request");
  return decision;
}

function closeFlow(node: Emulated, flow: Flow): void {
  if (flow.proto !== TCP) return;
  node.packet(flow, "client-fin");
  node.packet(flow, "server-fin");
}
