import { writeFile } from "node:fs/promises";
import { configInvalid } from "../core/errors.ts";
import { drawPath } from "../explain/draw-path.ts";
import { listServices, renderServices, servicesJson } from "../explain/every-service.ts";
import { packetTraceJson, type TraceSubject } from "../explain/packet-trace-json.ts";
import { reasonsOf } from "../explain/reasons.ts";
import { renderPacketTrace } from "../explain/render-packet-trace.ts";
import { renderTrace } from "../explain/render-trace.ts";
import { serviceNames } from "../explain/service-names.ts";
import { traceFlow } from "../explain/trace.ts";
import { traceJson } from "../explain/trace-json.ts";
import { tracePacket, type PacketTrace } from "../explain/trace-packet.ts";
import { type Flow, formatSocketAddr, type Protocol, type SocketAddr, TCP, tryParseProtocol } from "../net/flow.ts";
import { familyOf, sameIp } from "../net/ip.ts";
import { parseSocketAddr } from "../net/parse-socket-addr.ts";
import { asExpected } from "./flag.ts";
import { readSubject, type Subject, type SubjectArguments } from "./trace-subject.ts";

export interface TraceArguments extends SubjectArguments {
  readonly from: string;
  readonly to?: string | undefined;
  readonly inInterface?: string | undefined;
  readonly seed?: number | undefined;
  readonly all?: boolean | undefined;
  readonly rules?: boolean | undefined;
  readonly svg?: string | undefined;
  readonly o: "table" | "json";
}

/** The port of a client that did not say which: any port of the usual ephemeral range does. */
const CLIENT_PORT = 40_000;
/** The same every time, so that a trace can be compared with the one before. */
const DEFAULT_SEED = 1;
/** What the flags take, in the words of their errors. */
const FROM = "IP[:PORT], with the port in 1…65535 and IPv6 in brackets before a port, as in [fd00::1]:40000";
const TO = "IP:PORT[/tcp|udp|sctp], with the port in 1…65535 and IPv6 in brackets, as in [fd00::1]:53/udp";

/** Traces one packet, or one to every service, and gives the text that shows it. */
export async function trace(args: TraceArguments): Promise<string> {
  if (args.all === true) return traceAll(args);
  if (args.to === undefined) throw configInvalid("--to", TO, "nothing; --all lists every service instead");
  const flow = readFlow(args.from, args.to);
  const subject = await readSubject(args);
  if ("userspace" in subject) return traceProxy(subject.userspace, flow, args);
  const traced = traceThrough(subject, flow, args);
  if (args.svg !== undefined) await writeFile(args.svg, drawPath(traced));
  const about = aboutOf(subject, flow, traced);
  return args.o === "json" ? json(packetTraceJson(traced, about)) : renderPacketTrace(traced, about);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function traceThrough({ assembled }: Subject, flow: Flow, { inInterface, rules }: TraceArguments): PacketTrace {
  const options = { showsAll: rules ?? false, ...(inInterface === undefined ? {} : { inInterface }) };
  const traced = tracePacket(assembled.node, flow, options);
  return { ...traced, assumptions: [...assembled.assumptions, ...traced.assumptions] };
}

function aboutOf({ program, assembled, frontends }: Subject, flow: Flow, traced: PacketTrace): TraceSubject {
  const { routing } = assembled.node;
  const service = serviceNames(frontends, routing.isLocal).nameOf(flow.proto, { ip: flow.dst, port: flow.dstPort });
  const otherPorts = frontends
    .filter(({ kind, addr }) => kind !== "node-port" && sameIp(addr.ip, flow.dst))
    .map(({ servicePort, addr }) => `${servicePort} at ${formatSocketAddr(addr)}`);
  return { program, service, reasons: reasonsOf(traced, { name: service, otherPorts }) };
}

/** The userspace mode's proxy is a process: its own emulation decides. */
function traceProxy(
  {
    program,
    plan,
  }: { readonly program: Parameters<typeof traceFlow>[0]; readonly plan: Parameters<typeof traceFlow>[1] },
  flow: Flow,
  { seed, rules, o }: TraceArguments,
): string {
  const traced = traceFlow(program, plan, flow, { seed: seed ?? DEFAULT_SEED });
  return o === "json" ? json(traceJson(traced)) : renderTrace(traced, { all: rules ?? false });
}

async function traceAll(args: TraceArguments): Promise<string> {
  const client = readClient(args.from);
  const subject = await readSubject(args);
  if ("userspace" in subject) throw configInvalid("--all", "a mode whose services are rules", "mode userspace");
  const { frontends, parts, assembled } = subject;
  const answers = listServices(assembled.node, { frontends, parts, client, inInterface: args.inInterface });
  return args.o === "json" ? json(servicesJson(answers)) : renderServices(answers);
}

function readClient(from: string): SocketAddr {
  return asExpected("--from", FROM, from, () => parseSocketAddr(from, "--from", CLIENT_PORT));
}

/** @throws {SluiceError} CONFIG_INVALID, naming the flag. */
function readFlow(from: string, to: string): Flow {
  const client = readClient(from);
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
