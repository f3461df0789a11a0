import { configInvalid } from "../core/errors.ts";
import { renderTrace } from "../explain/render-trace.ts";
import { traceFlow } from "../explain/trace.ts";
import { traceJson } from "../explain/trace-json.ts";
import { planNode } from "../agent/plan.ts";
import { type Flow, type Protocol, type SocketAddr, TCP, tryParseProtocol } from "../net/flow.ts";
import { familyOf } from "../net/ip.ts";
import { parseSocketAddr } from "../net/parse-socket-addr.ts";
import { type ClusterArguments, compileFrom } from "./cluster-options.ts";
import { asExpected } from "./flag.ts";
import type { ModeArguments } from "./mode-options.ts";

export interface TraceArguments extends ClusterArguments, ModeArguments {
  readonly from: string;
  readonly to: string;
  readonly seed: number | undefined;
  readonly all?: boolean | undefined;
  readonly o: "table" | "json";
}

/** The port of a client that did not say which: any port of the usual ephemeral range does. */
const CLIENT_PORT = 40_000;
/** The same every time, so that a trace can be compared with the one before. */
const DEFAULT_SEED = 1;
/** What the flags take, in the words of their errors. */
const FROM = "IP[:PORT], with the port in 1…65535 and IPv6 in brackets before a port, as in [fd00::1]:40000";
const TO = "IP:PORT[/tcp|udp|sctp], with the port in 1…65535 and IPv6 in brackets, as in [fd00::1]:53/udp";

/** Traces one packet, and gives the text that shows it. */
export async function trace(args: TraceArguments): Promise<string> {
  const flow = readFlow(args.from, args.to);
  const { model, program } = await compileFrom(args);
  const traced = traceFlow(program, planNode(model, args.mode), flow, { seed: args.seed ?? DEFAULT_SEED });
  if (args.o === "json") return `${JSON.stringify(traceJson(traced), undefined, 2)}\n`;
  return renderTrace(traced, { all: args.all ?? false });
}

/** @throws {SluiceError} CONFIG_INVALID, naming the flag. */
function readFlow(from: string, to: string): Flow {
  const client = asExpected("--from", FROM, from, () => parseSocketAddr(from, "--from", CLIENT_PORT));
  const [service, protocol] = asExpected("--to", TO, to, () => readDestination(to));
  if (familyOf(client.ip) !== familyOf(service.ip)) {
    throw configInvalid("--to", `an IPv${familyOf(client.ip)} address, as --from ${from} is one`, to);
  }
  return { proto: protocol, src: client.ip, srcPort: client.port, dst: service.ip, dstPort: service.port };
}

function readDestination(to: string): [service: SocketAddr, protocol: Protocol] {
  const slash = to.indexOf("/");
  if (slash < 0) return [parseSocketAddr(to, "--to"), TCP];
  const protocol = tryParseProtocol(to.slice(slash + 1));
  if (protocol === undefined) throw configInvalid("--to", TO, to);
  return [parseSocketAddr(to.slice(0, slash), "--to"), protocol];
}
