/** A line of iptables-restore's input, cut into arguments as it cuts them. */
export interface Line {
  readonly text: string;
  readonly words: readonly string[];
  /** Which of the words stand in quotes, and so are no options. */
  readonly quoted: ReadonlySet<number>;
}

const QUOTE = 34;
const BACKSLASH = 92;
const noneQuoted: ReadonlySet<number> = new Set();
/** Of lines with one word in quotes, by its number: most have one, a comment. */
const oneQuoted: readonly ReadonlySet<number>[] = Array.from({ length: 64 }, (_, word) => new Set([word]));

/**
 * Cuts a line at its blanks. Inside quotes a backslash takes the next character as it is; a closing quote ends the
 * argument.
 *
 * Source: iptables, xshared.c, `add_param_to_argv`.
 *
 * @returns undefined when a quote is left open.
 */
export function splitLine(text: string): Line | undefined {
  if (!text.includes('"')) {
    const words = text.includes("  ") || text.includes("\t") ? text.split(/[ \t]+/) : text.split(" ");
    const from = words[0] === "" ? 1 : 0;
    const to = words.at(-1) === "" ? -1 : words.length;
    return { text, words: from === 0 && to > 0 ? words : words.slice(from, to), quoted: noneQuoted };
  }
  const words: string[] = [];
  const quoted: number[] = [];
  for (let at = nextWord(text, 0); at < text.length; at = nextWord(text, at)) {
    const stop = wordEnd(text, at);
    if (text.charCodeAt(stop) !== QUOTE) {
      words.push(text.slice(at, stop));
      at = stop;
      continue;
    }
    const end = closingQuote(text, stop + 1);
    if (end < 0) return undefined;
    quoted.push(words.length);
    words.push(text.slice(at, stop) + unescaped(text.slice(stop + 1, end)));
    at = end + 1;
  }
  const [only = oneQuoted.length] = quoted;
  const shared = quoted.length === 1 ? oneQuoted[only] : undefined;
  return { text, words, quoted: shared ?? new Set(quoted) };
}

/** Where the nth word stands in its line: the place of its first character, and the one behind its last. */
export function spanOf({ text }: Line, nth: number): readonly [start: number, end: number] {
  let index = 0;
  for (let at = nextWord(text, 0); at < text.length; at = nextWord(text, at)) {
    const start = at;
    at = wordEnd(text, at);
    if (text.charCodeAt(at) === QUOTE) {
      const end = closingQuote(text, at + 1);
      at = end < 0 ? text.length : end + 1;
    }
    if (index === nth) return [start, at];
    index += 1;
  }
  return [text.length, text.length];
}

function nextWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && isBlank(text.charCodeAt(at))) at += 1;
  return at;
}

/** Where a word ends, or its quotes begin. */
function wordEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === QUOTE || isBlank(char)) break;
  }
  return at;
}

function closingQuote(text: string, from: number): number {
  const end = text.indexOf('"', from);
  if (end < 0 || text.lastIndexOf("\\", end) < from) return end;
  for (let at = from; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) return at;
    if (char === BACKSLASH) at += 1;
  }
  return -1;
}

function unescaped(text: string): string {
  return text.includes("\\") ? text.replace(/\\(.)/gsu, "$1") : text;
}

function isBlank(char: number): boolean {
  return char === 32 || char === 9;
}
