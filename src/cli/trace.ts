import { configInvalid } from "../core/errors.ts";
import { renderTrace } from "../explain/render-trace.ts";
import { traceFlow } from "../explain/trace.ts";
import { traceJson } from "../explain/trace-json.ts";
import { planNode } from "../agent/plan.ts";
import { type Flow, type Protocol, TCP, tryParseProtocol } from "../net/flow.ts";
import { familyOf } from "../net/ip.ts";
import { parseSocketAddr } from "../net/parse-socket-addr.ts";
import { type ClusterArguments, compileFrom } from "./cluster-options.ts";
import type { ModeArguments } from "./mode-options.ts";

export interface TraceArguments extends ClusterArguments, ModeArguments {
  readonly from: string;
  readonly to: string;
  readonly seed: number | undefined;
  readonly all: boolean;
  readonly o: "table" | "json";
}

/** The port of a client that did not say which: any port of the usual ephemeral range does. */
const CLIENT_PORT = 40_000;
/** The same every time, so that a trace can be compared with the one before. */
const DEFAULT_SEED = 1;

/** Traces one packet, and gives the text that shows it. */
export async function trace(args: TraceArguments): Promise<string> {
  const flow = readFlow(args.from, args.to);
  const { model, program } = await compileFrom(args);
  const traced = traceFlow(program, planNode(model, args.mode), flow, { seed: args.seed ?? DEFAULT_SEED });
  if (args.o === "json") return `${JSON.stringify(traceJson(traced), undefined, 2)}\n`;
  return renderTrace(traced, { all: args.all });
}

/** @throws {SluiceError} CONFIG_INVALID, naming the flag. */
function readFlow(from: string, to: string): Flow {
  const client = parseSocketAddr(from, "--from", CLIENT_PORT);
  const [address, protocol] = splitProtocol(to);
  const service = parseSocketAddr(address, "--to");
  if (familyOf(client.ip) !== familyOf(service.ip)) throw configInvalid("--to", "the IP family of --from", to);
  return { proto: protocol, src: client.ip, srcPort: client.port, dst: service.ip, dstPort: service.port };
}

function splitProtocol(to: string): [address: string, protocol: Protocol] {
  const slash = to.indexOf("/");
  if (slash < 0) return [to, TCP];
  const protocol = tryParseProtocol(to.slice(slash + 1));
  if (protocol === undefined) throw configInvalid("--to", "IP:PORT[/tcp|udp|sctp]", to);
  return [to.slice(0, slash), protocol];
}
