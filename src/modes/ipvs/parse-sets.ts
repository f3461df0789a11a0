import { hostCidr, tryParseCidr } from "../../net/cidr.ts";
import { tryParseProtocol } from "../../net/flow.ts";
import { tryParseIp } from "../../net/ip.ts";
import type { IpSet, SetEntry, SetOption, SetPart } from "./ip-set.ts";
import { commandsOfSetListing } from "./set-listing.ts";
import { linesOf, type Word, type Words } from "./words.ts";

/** Options that stand alone: of a set, and of an entry. Every other has a value. */
const setFlags: readonly string[] = ["counters", "comment", "skbinfo", "forceadd"];
const entryFlags: readonly string[] = ["nomatch", "wildcard"];

interface Draft extends IpSet {
  readonly entries: SetEntry[];
}

/**
 * Reads the text of `ipset save`, or of `ipset list`. Sets of any type are kept, with all options: what is no address, range or port is kept
 * as the word it is.
 *
 * @param file names the text in errors.
 * @throws {SluiceError} INPUT_INVALID with line and column.
 */
export function parseSets(text: string, file = "ipset save"): readonly IpSet[] {
  const sets = new Map<string, Draft>();
  for (const words of linesOf(commandsOfSetListing(text, file), file)) {
    const command = words.next("", "create or add");
    if (command.text === "create") readSet(words, sets);
    else if (command.text === "add") readEntry(words, sets);
    else throw words.invalid(command, "", "create or add, as ipset save prints it");
    words.end();
  }
  return [...sets.values()];
}

function readSet(words: Words, sets: Map<string, Draft>): void {
  const name = words.next("set", "a name");
  if (sets.has(name.text)) throw words.invalid(name, "set", "a name that no set before has");
  const type = words.read("type", "a type such as hash:ip,port", (text) =>
    /^[a-z]+:[a-z]+(,[a-z]+)*$/.test(text) ? text : undefined,
  );
  sets.set(name.text, { name: name.text, type, options: readOptions(words, setFlags), entries: [] });
}

function readEntry(words: Words, sets: ReadonlyMap<string, Draft>): void {
  const name = words.next("set", "the name of a set before");
  const set = sets.get(name.text);
  if (set === undefined) throw words.invalid(name, "set", "the name of a set before");
  const parts = readParts(words, set);
  const options = readOptions(words, entryFlags);
  set.entries.push(options.length > 0 ? { parts, options } : { parts });
}

function readOptions(words: Words, flags: readonly string[]): readonly SetOption[] {
  const options: SetOption[] = [];
  while (words.peek() !== undefined) {
    const name = words.next("option", "an option").text;
    options.push(flags.includes(name) ? { name } : { name, value: words.next(name, "a value").text });
  }
  return options;
}

function readParts(words: Words, { type }: IpSet): readonly SetPart[] {
  const dimensions = type.slice(type.indexOf(":") + 1).split(",");
  const entry = words.next("entry", `an entry of ${type}`);
  const texts = entry.text.split(",");
  // `bitmap:ip,mac` may leave the second one out.
  if (texts.length > dimensions.length) throw words.invalid(entry, "entry", `an entry of ${type}`);
  let column = entry.column;
  return texts.map((text, index) => {
    const part = partReaders[dimensions[index]!]?.(text, words, { text, column }) ?? { kind: "word", text };
    column += text.length + 1;
    return part;
  });
}

const partReaders: Readonly<Record<string, (text: string, words: Words, at: Word) => SetPart | undefined>> = {
  ip: readRange,
  net: readRange,
  port: readPort,
};

/** @returns undefined for an IPv4 address in the clothes of IPv6, which it would lose. */
function readRange(text: string, words: Words, at: Word): SetPart | undefined {
  const ip = tryParseIp(text);
  const range = ip === undefined ? tryParseCidr(text) : hostCidr(ip);
  if (range === undefined) throw words.invalid(at, "entry", "an address or a range");
  return typeof range.base === "number" && text.includes(":") ? undefined : { kind: "range", range };
}

/** @returns undefined for what has no ports: `icmp:echo-request`, `gre:0`. */
function readPort(text: string, words: Words, at: Word): SetPart | undefined {
  const [, name, port = ""] = /^(?:([\w-]+):)?([\w/-]+)$/.exec(text) ?? [];
  const proto = name === undefined ? undefined : tryParseProtocol(name);
  if (name !== undefined && proto === undefined) return undefined;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw words.invalid(at, "entry", "a port");
  return proto === undefined ? { kind: "port", port: Number(port) } : { kind: "port", port: Number(port), proto };
}
