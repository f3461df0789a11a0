import { formatFraction } from "../dataplane/emulated/netfilter/fraction.ts";
import { endpointText } from "./gather.ts";
import type { PacketOutcome, PathStep } from "./packet-outcome.ts";
import type { PacketTrace } from "./trace-packet.ts";

const LINE = 18;
const WIDTH = 980;
const PAD = 12;

/** A picture of the way through hooks and chains, as SVG: a box a hook, a line a rule, and the outcomes below. */
export function drawPath(trace: PacketTrace): string {
  const likeliest = trace.outcomes[0];
  const hooks = groupByHook(likeliest?.path ?? []);
  let y = PAD;
  const parts: string[] = [];
  const { head, outcomes } = trace;
  const start = `${endpointText({ ip: head.src, port: head.srcPort })} → ${endpointText({ ip: head.dst, port: head.dstPort })}`;
  parts.push(text(PAD, y + LINE, start, "title"));
  y += 2 * LINE;
  for (const [at, { hook, steps }] of hooks.entries()) {
    if (at > 0) parts.push(`<path class="arrow" d="M ${PAD + 40} ${y - LINE} V ${y}" marker-end="url(#tip)"/>`);
    const height = (steps.length + 1) * LINE + PAD;
    parts.push(`<rect x="${PAD}" y="${y}" width="${WIDTH - 2 * PAD}" height="${height}" rx="6"/>`);
    parts.push(text(2 * PAD, y + LINE, hook, "hook"));
    for (const [line, { where, rule, effect }] of steps.entries()) {
      const shown = `${where}: ${rule}${effect === "" ? "" : ` ⇒ ${effect}`}`;
      parts.push(text(3 * PAD, y + (line + 2) * LINE, cut(shown), "rule"));
    }
    y += height + LINE;
  }
  for (const outcome of outcomes) {
    parts.push(text(PAD, y + LINE, outcomeText(outcome), "end"));
    y += LINE;
  }
  return `${svgHead(y + 2 * PAD)}${parts.join("\n")}\n</svg>\n`;
}

function svgHead(height: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="the packet's way">
<style>
text { font: 12px ui-monospace, monospace; fill: #1b1f24 } .title, .hook { font-weight: bold } .end { fill: #0b5394 }
rect { fill: #f4f6f8; stroke: #8a94a0 } .arrow { stroke: #8a94a0; fill: none }
</style>
<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="6" refY="3" orient="auto"><path d="M0 0 L6 3 L0 6 z" fill="#8a94a0"/></marker></defs>
`;
}

function groupByHook(
  path: readonly PathStep[],
): readonly { readonly hook: string; readonly steps: readonly PathStep[] }[] {
  const groups: { readonly hook: string; readonly steps: PathStep[] }[] = [];
  for (const step of path) {
    const last = groups.at(-1);
    if (last?.hook === step.hook) last.steps.push(step);
    else groups.push({ hook: step.hook, steps: [step] });
  }
  return groups;
}

function outcomeText({ probability, verdict, to, by }: PacketOutcome): string {
  const end = by === "" ? endpointText(to) : by;
  return cut(`${formatFraction(probability)}  ${verdict}  ${end}`);
}

/** What fits into the picture. */
function cut(line: string): string {
  return line.length > 125 ? `${line.slice(0, 124)}…` : line;
}

/** What no document of XML may hold, whatever stands for it: most control characters, halves of characters. */
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

function text(x: number, y: number, content: string, kind: string): string {
  const whole = content.replaceAll(FORBIDDEN, "\uFFFD");
  const safe = whole.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<text class="${kind}" x="${x}" y="${y}">${safe}</text>`;
}
