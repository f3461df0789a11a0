import { linesOf, type Words } from "./words.ts";

const LISTING = /^Name: \S/m;

/** A set of which the members are being read. */
interface OpenSet {
  readonly name: string;
  readonly words: Words;
  type: string;
  /** How many members the listing says that there are; undefined: it does not. */
  size: number | undefined;
  members: number;
}

/**
 * What `ipset list` shows, in the words of `ipset save`, line for line. Any other text is left as it is.
 *
 * @throws {SluiceError} INPUT_INVALID with line and column, also where a set has not as many members as it says.
 */
export function commandsOfSetListing(text: string, file: string): string {
  if (!LISTING.test(text)) return text;
  const commands = text.split("\n").map(() => "");
  let set: OpenSet | undefined;
  for (const words of linesOf(text, file)) {
    const { text: first } = words.word();
    if (first === "Name:") {
      checkMembers(set);
      words.skip(first);
      set = { name: words.next("set", "a name").text, words, type: "", size: undefined, members: 0 };
    } else if (set === undefined) throw words.invalid(words.word(), "", "Name: and a set, as ipset list prints it");
    else commands[words.line - 1] = commandOf(set, words);
  }
  checkMembers(set);
  return commands.join("\n");
}

/** @returns nothing for lines that no command needs. */
function commandOf(set: OpenSet, words: Words): string {
  const { text } = words.word();
  if (text === "Type:") set.type = words.rest().slice(text.length);
  else if (text === "Header:") return `create ${set.name} ${set.type} ${words.rest().slice(text.length)}`;
  else if (text === "Number") set.size = Number(words.rest().replace("Number of entries:", ""));
  else if (!/^(?:Revision:|Size|References:|Members:)$/.test(text)) {
    set.members += 1;
    return `add ${set.name} ${words.rest()}`;
  }
  return "";
}

function checkMembers(set: OpenSet | undefined): void {
  if (set?.size === undefined || set.size === set.members) return;
  const { words, name, size, members } = set;
  throw words.invalid({ text: String(members), column: 1 }, "set", `${size} members of ${name} below`);
}
