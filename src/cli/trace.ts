import { writeFile } from "node:fs/promises";
import type { PacketHead } from "../dataplane/emulated/netfilter/packet.ts";
import { askedService } from "../explain/asked-service.ts";
import { drawPath } from "../explain/draw-path.ts";
import { assumptionsOf, listServices, renderServices, servicesJson } from "../explain/every-service.ts";
import { packetTraceJson, type TraceSubject } from "../explain/packet-trace-json.ts";
import { reasonsOf } from "../explain/reasons.ts";
import { renderPacketTrace } from "../explain/render-packet-trace.ts";
import type { PacketTrace, TracePacketOptions } from "../explain/trace-packet.ts";
import { type HeadArguments, readClient, readHead } from "./trace-head.ts";
import { readSubject, type Subject, type SubjectArguments } from "./trace-subject.ts";
import { note } from "./cluster-input.ts";
import { inForm } from "./output.ts";
import type { OutputForm } from "./output-option.ts";

export interface TraceArguments extends SubjectArguments, HeadArguments {
  readonly inInterface?: string | undefined;
  readonly all?: boolean | undefined;
  readonly rules?: boolean | undefined;
  readonly svg?: string | undefined;
  readonly o: OutputForm;
}

/** Traces one packet, or one to every service, and gives the text that shows it. */
export async function trace(args: TraceArguments): Promise<string> {
  if (args.all === true) return traceAll(args);
  const head = readHead(args);
  const subject = await readSubject(args);
  const traced = subject.trace(head, optionsOf(args));
  if (args.svg !== undefined) await writeFile(args.svg, drawPath(traced));
  const about = aboutOf(subject, head, traced);
  return args.o === "table" ? renderPacketTrace(traced, about) : inForm(args.o, json(packetTraceJson(traced, about)));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function optionsOf({ inInterface, rules }: TraceArguments): TracePacketOptions {
  return { showsAll: rules ?? false, ...(inInterface === undefined ? {} : { inInterface }) };
}

function aboutOf({ program, services }: Subject, head: PacketHead, traced: PacketTrace): TraceSubject {
  const asked = askedService(services, head);
  return { program, service: asked.name, reasons: reasonsOf(traced, asked) };
}

async function traceAll(args: TraceArguments): Promise<string> {
  const client = readClient(args.from);
  const subject = await readSubject(args);
  const { frontends, parts } = subject.services;
  const emptinessOf = (head: PacketHead) => askedService(subject.services, head).emptiness();
  const options = { frontends, parts, client, inInterface: args.inInterface, emptinessOf };
  const answers = listServices(subject.trace, options);
  if (args.o !== "table") for (const text of assumptionsOf(answers)) note(`taken for granted: ${text}`);
  return args.o === "table" ? renderServices(answers) : inForm(args.o, json(servicesJson(answers)));
}
