import { type ErrorDetails, SluiceError } from "../../core/errors.ts";

/** A word of a line. */
export interface Word {
  readonly text: string;
  /** Of its first character, from 1. */
  readonly column: number;
}

/** One line of a dump, word by word. */
export class Words {
  /** Its number, from 1. */
  readonly line: number;
  readonly #file: string;
  readonly #text: string;
  readonly #words: readonly Word[];
  readonly #end: number;
  #at = 0;

  /**
   * @param file names the text in errors.
   * @param line its number, from 1.
   * @throws {SluiceError} INPUT_INVALID for a quote that is not closed.
   */
  constructor(file: string, line: number, text: string) {
    this.#file = file;
    this.line = line;
    this.#text = text;
    this.#end = text.length + 1;
    this.#words = Array.from(text.matchAll(/"[^"]*"?|\S+/g), (match) => this.#word(match[0], match.index + 1));
  }

  /** @returns undefined behind the last word. */
  peek(): string | undefined {
    return this.#words[this.#at]?.text;
  }

  /** The word that comes next, or what stands for it behind the last one. */
  word(): Word {
    return this.#words[this.#at] ?? { text: "", column: this.#end };
  }

  /** The line from the word on that comes next, as it stands there. */
  rest(): string {
    return this.#text.slice(this.word().column - 1).trimEnd();
  }

  /** Passes over one word if it comes next. @returns whether it did. */
  skip(text: string): boolean {
    const found = this.peek() === text;
    if (found) this.#at += 1;
    return found;
  }

  /** @throws {SluiceError} INPUT_INVALID behind the last word. */
  next(field: string, expected: string): Word {
    const word = this.word();
    if (this.peek() === undefined) throw this.invalid(word, field, expected);
    this.#at += 1;
    return word;
  }

  /** Reads one word. @throws {SluiceError} INPUT_INVALID when `read` makes nothing of it, and behind the last word. */
  read<T>(field: string, expected: string, read: (text: string) => T | undefined): T {
    const word = this.next(field, expected);
    const value = read(word.text);
    if (value === undefined) throw this.invalid(word, field, expected);
    return value;
  }

  /** @throws {SluiceError} INPUT_INVALID when there is a word left. */
  end(): void {
    const word = this.#words[this.#at];
    if (word !== undefined) throw this.invalid(word, "", "the end of the line");
  }

  invalid({ text, column }: Word, field: string, expected: string): SluiceError<"INPUT_INVALID"> {
    const received = text === "" ? "nothing" : JSON.stringify(text);
    const details: ErrorDetails["INPUT_INVALID"] = {
      file: this.#file,
      line: this.line,
      column,
      field,
      expected,
      received,
    };
    const place = [this.#file, this.line, column].join(":");
    const where = field === "" ? place : `${place}: ${field}`;
    return new SluiceError("INPUT_INVALID", `${where}: expected ${expected}, got ${received}`, details);
  }

  #word(text: string, column: number): Word {
    if (!text.startsWith('"')) return { text, column };
    if (text.length < 2 || !text.endsWith('"')) throw this.invalid({ text, column }, "", "a quote that is closed");
    return { text: text.slice(1, -1), column };
  }
}

/** The lines of a dump that say something: no empty ones, and no comments. */
export function linesOf(text: string, file: string): readonly Words[] {
  return text
    .split("\n")
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== "" && !line.startsWith("#"))
    .map(({ line, number }) => new Words(file, number, line));
}

/** A whole number in decimal. */
export function wholeNumber(min: number, max: number): (text: string) => number | undefined {
  return (text) => (/^\d{1,10}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined);
}
