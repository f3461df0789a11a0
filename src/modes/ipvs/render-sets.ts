import { protocolName } from "../../net/flow.ts";
import { formatCidr } from "../../net/cidr.ts";
import { formatIp } from "../../net/ip.ts";
import { word } from "../quote.ts";
import type { IpSet, SetEntry, SetOption, SetPart } from "./ip-set.ts";

/** Any name that ipset reads back as one word; others than kube-proxy may have odd ones. */
const bare = /^[^\s\p{Cc}",-][^\s\p{Cc}",]*$/u;
const typed = /^[a-z]+:[a-z]+(,[a-z]+)*$/;
/** Inside quotes ipset knows no way to write a quote. */
const quotable = /^[^\p{Cc}"]*$/u;

/**
 * Sets as text.
 *
 * `restore` is input for `ipset restore`. A set that is there already is emptied first, so the text may be loaded any
 * number of times; for a moment the set is empty. `save` is what `ipset save` prints, but for the order of a hash's
 * entries and the options `bucketsize` and `initval`, which the kernel chooses.
 *
 * @throws {SluiceError} RULE_TEXT_INVALID for a name or comment that could be read as more than one argument.
 */
export function renderSets(sets: readonly IpSet[], format: "restore" | "save"): string {
  return sets.map((set) => (format === "save" ? savedText(set) : restoredText(set))).join("");
}

/** The entries of a set as commands to add them, one a line. */
export function addLines({ name, entries }: IpSet): string {
  const start = `add ${word(name, "set", bare)} `;
  return entries.map((entry) => `${start}${entryText(entry)}\n`).join("");
}

/** The command that makes the set, without a line end. */
export function createLine({ name, type, options }: IpSet): string {
  return `create ${word(name, "set", bare)} ${word(type, "type", typed)}${optionsText(options, false)}`;
}

function savedText(set: IpSet): string {
  return `${createLine(set)}\n${addLines(set)}`;
}

function restoredText(set: IpSet): string {
  return `${createLine(set)} -exist\nflush ${set.name}\n${addLines(set)}`;
}

/** The parts of an entry: what tells it from others in its set. */
export function partsText({ parts }: SetEntry): string {
  return parts.map(partText).join(",");
}

/** An entry as one line has it. */
export function entryText(entry: SetEntry): string {
  return partsText(entry) + optionsText(entry.options ?? [], true);
}

/** @param quotesComments in a set `comment` is a flag, in an entry it has a value. */
function optionsText(options: readonly SetOption[], quotesComments: boolean): string {
  return options.map((option) => ` ${optionText(option, quotesComments)}`).join("");
}

function optionText({ name, value }: SetOption, quotesComments: boolean): string {
  if (value === undefined) return word(name, "option", bare);
  const text = quotesComments && name === "comment" ? `"${word(value, "comment", quotable)}"` : word(value, name, bare);
  return `${word(name, "option", bare)} ${text}`;
}

/** A single address stands without its length. */
function partText(part: SetPart): string {
  switch (part.kind) {
    case "range": {
      const { base, bits } = part.range;
      return bits === (typeof base === "number" ? 32 : 128) ? formatIp(base) : formatCidr(part.range);
    }
    case "port":
      return part.proto === undefined ? String(part.port) : `${protocolName(part.proto)}:${part.port}`;
    case "word":
      return word(part.text, "entry", bare);
  }
}
