/** A step from a map or list to one of its members. */
export type JsonKey = string | number;

/** Where a text stops being JSON. `offset` is the text's length where it ends too early. */
export interface JsonFault {
  readonly offset: number;
  readonly expected: string;
}

/** Is told of every value: the steps that lead to it (the array is reused) and where it begins. */
type Visit = (steps: readonly JsonKey[], offset: number) => void;

/**
 * Walks a JSON text (RFC 8259) without building it, for what `JSON.parse` does not tell: where things stand.
 *
 * @returns undefined when the whole text is JSON. O(length); nesting costs no stack.
 */
export function walkJson(text: string, visit: Visit): JsonFault | undefined {
  const walk = new JsonWalk(text, visit);
  return walk.run() ? undefined : { offset: walk.at, expected: walk.expected };
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const WORD = /true|false|null/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SPACE = /[ \n\r\t]*/y;

/** Every method moves `at` behind what it read, or leaves it at the fault and returns false. */
class JsonWalk {
  at = 0;
  expected = "";
  /** The open maps and lists: the key or index of the member that is being read. */
  private readonly steps: JsonKey[] = [];
  private readonly text: string;
  private readonly visit: Visit;

  constructor(text: string, visit: Visit) {
    this.text = text;
    this.visit = visit;
  }

  run(): boolean {
    do {
      const read = this.value();
      if (read === false || (read === "complete" && !this.next())) return false;
    } while (this.steps.length > 0);
    return true;
  }

  /** Goes behind a value that is complete, or to the first member of one that is not: then `open`. */
  private value(): "complete" | "open" | false {
    this.skip(SPACE);
    this.visit(this.steps, this.at);
    const char = this.text[this.at];
    if (char === "{" || char === "[") return this.open(char);
    if (char === '"') return this.string() && "complete";
    if (this.skip(NUMBER) || this.skip(WORD)) return "complete";
    return this.fail(this.steps.at(-1) === 0 ? 'a value or "]"' : "a value");
  }

  private open(char: "{" | "["): "complete" | "open" | false {
    this.at += 1;
    this.skip(SPACE);
    if (this.text[this.at] === (char === "{" ? "}" : "]")) {
      this.at += 1;
      return "complete";
    }
    if (char === "{") return this.key('a key in double quotes or "}"') && "open";
    this.steps.push(0);
    return "open";
  }

  /** `"key":` */
  private key(expected: string): boolean {
    this.skip(SPACE);
    const start = this.at;
    if (this.text[start] !== '"') return this.fail(expected);
    if (!this.string()) return false;
    this.steps.push(JSON.parse(this.text.slice(start, this.at)) as string);
    this.skip(SPACE);
    return this.char(":") || this.fail('":"');
  }

  private string(): boolean {
    this.at += 1;
    while (!this.char('"')) {
      const code = this.text.charCodeAt(this.at);
      // Written so that NaN, the end of the text, fails too.
      if (!(code >= 0x20)) return this.fail('a character of a string or its closing "');
      if (code !== 0x5c) this.at += 1;
      else if (!this.skip(ESCAPE)) return this.fail("an escape sequence");
    }
    return true;
  }

  /** Behind a complete value: on to the next member, or out of the maps and lists that end here. */
  private next(): boolean {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      this.skip(SPACE);
      if (this.char(",")) {
        if (typeof step === "string") return this.key("a key in double quotes");
        this.steps.push(step + 1);
        return true;
      }
      const closing = typeof step === "string" ? "}" : "]";
      if (!this.char(closing)) return this.fail(`"," or "${closing}"`);
    }
    this.skip(SPACE);
    return this.at === this.text.length || this.fail("the end of the text");
  }

  private char(char: string): boolean {
    if (this.text[this.at] !== char) return false;
    this.at += 1;
    return true;
  }

  private skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  private fail(expected: string): false {
    this.expected = expected;
    return false;
  }
}
