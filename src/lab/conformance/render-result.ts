import { formatSocketAddr } from "../../net/flow.ts";
import { isLikely, type Likelihood } from "./chance.ts";
import type { Difference } from "./differences.ts";
import type { Replayed } from "./replayed.ts";
import type { ReplayResult } from "./replay.ts";
import type { Outcome, ServerCounts, Vector, VectorEvent } from "./vector.ts";

/** Events that are shown on each side of a difference. */
const AROUND = 3;

/**
 * One replayed vector as text: a line that says whether it agrees, and where it does not, its first difference with the
 * events around it.
 *
 * @param name of the vector.
 */
export function renderResult(name: string, vector: Vector, result: ReplayResult): string {
  const [first] = result.differences;
  const state = isUntold(result) ? "played" : result.ok ? "agrees" : "differs";
  const { picks, packetPicks, counts, likelihood } = result;
  const sizes = `${picks.length + packetPicks.length} picks, ${counts.length} events`;
  const chance = likelihood === undefined ? "" : `, ${likelihoodText(likelihood)}`;
  const untold = isUntold(result) ? ", nothing recorded to compare with" : "";
  const head = `${state.padEnd(8)} ${name}: ${sizes}${chance}${untold}\n`;
  return first === undefined ? head : head + renderDifference(first, vector, result.recorded[first.run]!, result);
}

/** Whether the vector has neither picks nor counts: then ours are all there is. */
export function isUntold({ recorded }: ReplayResult): boolean {
  return recorded.every(({ picks, packetPicks, counts }) => (picks ?? packetPicks ?? counts) === undefined);
}

function likelihoodText(likelihood: Likelihood): string {
  const { picks, z } = likelihood;
  const verdict = isLikely(likelihood) ? "likely" : "too unlikely";
  return `${picks} random picks ${verdict} (z = ${z.toFixed(2)})`;
}

function renderDifference(difference: Difference, vector: Vector, expected: Outcome, replayed: Replayed): string {
  const { run, what, event, index, recorded, impossible } = difference;
  const title = `  ${run === 0 ? "" : `another run, `}event ${event}, ${what}[${index}]: ${said(recorded)} was recorded, ${oursText(difference)}\n`;
  const first = Math.max(event - AROUND, 0);
  const last = Math.min(event + AROUND, vector.events.length - 1);
  const indexes = pickIndexes(vector.events);
  const lines: string[] = [];
  for (let at = first; at <= last; at += 1) {
    const theirs = outcomeAt(vector.events[at]!, at, indexes[at]!, expected);
    const ours = impossible ? theirs : outcomeAt(vector.events[at]!, at, indexes[at]!, replayed);
    const mark = at === event ? ">" : " ";
    lines.push(`  ${mark} ${String(at).padStart(5)}  ${eventText(vector.events[at]!)}\n`);
    if (agree(theirs, ours)) lines.push(...outcomeLine("", ours));
    else lines.push(...outcomeLine("recorded", theirs), ...outcomeLine("ours", ours));
  }
  return title + lines.join("");
}

function oursText({ impossible, replayed }: Difference): string {
  return impossible ? `possible were ${said(replayed)}` : `ours is ${said(replayed)}`;
}

function said(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}

/** For each event its place among the picks, or the packet picks; undefined for one that picks nobody. */
function pickIndexes(events: readonly VectorEvent[]): readonly (number | undefined)[] {
  const next = { open: 0, packet: 0 };
  return events.map(({ op }) => (op === "open" || op === "packet" ? next[op]++ : undefined));
}

interface EventOutcome {
  /** Undefined where the event picks nobody, or nothing was recorded. */
  readonly pick: number | null | undefined;
  readonly counts: readonly ServerCounts[] | null | undefined;
}

function outcomeAt({ op }: VectorEvent, at: number, index: number | undefined, outcome: Outcome): EventOutcome {
  const picks = op === "open" ? outcome.picks : outcome.packetPicks;
  return { pick: index === undefined ? undefined : picks?.[index], counts: outcome.counts?.[at] };
}

/** What was not recorded agrees with anything. */
function agree(theirs: EventOutcome, ours: EventOutcome): boolean {
  const samePick = theirs.pick === undefined || theirs.pick === ours.pick;
  const counts = theirs.counts ?? undefined;
  return samePick && (counts === undefined || JSON.stringify(counts) === JSON.stringify(ours.counts));
}

function outcomeLine(who: string, { pick, counts }: EventOutcome): string[] {
  const parts = [
    ...(pick === undefined ? [] : [pick === null ? "nobody" : `server ${pick}`]),
    ...(counts === undefined || counts === null ? [] : [countsText(counts)]),
  ];
  return parts.length === 0 ? [] : [`           ${who.padEnd(9)}${parts.join("   ")}\n`];
}

/** `3: 1+0  2: 0+1`: id, active and inactive connections. */
function countsText(counts: readonly ServerCounts[]): string {
  return counts.map(([id, active, inactive]) => `${id}: ${active}+${inactive}`).join("  ");
}

function eventText(event: VectorEvent): string {
  switch (event.op) {
    case "open":
      return `open ${event.conn}, ${formatSocketAddr(event.client)} -> ${formatSocketAddr(event.to)}`;
    case "packet":
      return `packet of ${event.conn}`;
    case "close":
      return `close ${event.conn}, ${event.mode}`;
    case "expire":
      return `expire ${event.conns.join(", ")}`;
    case "add":
      return `add server ${event.server.id}, weight ${event.server.weight}`;
    case "remove":
      return `remove server ${event.server}`;
    case "setWeight":
      return `server ${event.server} gets weight ${event.weight}`;
    case "setThreshold":
      return `server ${event.server} gets thresholds ${event.upper}, ${event.lower}`;
    case "setScheduler":
      return `scheduler ${[event.scheduler, ...event.flags].join(" ")}`;
    case "wait":
      return `wait ${event.ms} ms`;
  }
}
