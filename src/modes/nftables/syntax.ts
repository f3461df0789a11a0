import { SluiceError } from "../../core/errors.ts";
import type { TableFamily } from "./ruleset.ts";

/** `written`: as kube-proxy writes it for `nft -f`. `listed`: as `nft -s list ruleset` prints it. */
export type RuleFormat = "written" | "listed";

/** Where the two formats spell the same thing differently. */
export interface Syntax {
  readonly format: RuleFormat;
  /** Between the elements of an anonymous set. */
  readonly comma: string;
  readonly metaMark: string;
  readonly operators: Readonly<Record<"|" | "^" | "&" | "<<" | ">>", string>>;
  /** What `reject` says where nothing is said. */
  readonly rejectType: string;
  /** A number as a mark. */
  mark(value: number): string;
  /** A comment, a prefix, the name of an interface. */
  quote(text: string, path: string): string;
  /** A name: of a chain, a set; a word of nft's. */
  word(text: string, path: string): string;
}

const written: Omit<Syntax, "rejectType"> = {
  format: "written",
  comma: " , ",
  metaMark: "mark",
  operators: { "|": "or", "^": "xor", "&": "and", "<<": "lshift", ">>": "rshift" },
  mark: (value) => (value === 0 ? "0" : hex8(value)),
  quote(text, path) {
    if (!isQuotable(text)) throw unfit(path, "text without quotes, line ends and control characters", text);
    return `"${text}"`;
  },
  word(text, path) {
    if (!/^[\w.:][\w.:/*-]*$/.test(text)) throw unfit(path, "a word without blanks, quotes or signs", text);
    return text;
  },
};

/** For reading only: a text that nft could not take is shown as JSON has it. */
const listed: Omit<Syntax, "rejectType"> = {
  format: "listed",
  comma: ", ",
  metaMark: "meta mark",
  operators: { "|": "|", "^": "^", "&": "&", "<<": "<<", ">>": ">>" },
  mark: hex8,
  quote: (text) => (isQuotable(text) ? `"${text}"` : JSON.stringify(text)),
  word: (text) => (/^[^\s"{}]+$/.test(text) ? text : JSON.stringify(text)),
};

const rejectTypes: Partial<Record<TableFamily, string>> = { ip: "icmp", ip6: "icmpv6" };

export function syntaxOf(format: RuleFormat, family: TableFamily): Syntax {
  return { ...(format === "written" ? written : listed), rejectType: rejectTypes[family] ?? "icmpx" };
}

export function unfit(path: string, expected: string, text: string): SluiceError<"RULE_TEXT_INVALID"> {
  const received = JSON.stringify(text);
  return new SluiceError("RULE_TEXT_INVALID", `${path}: expected ${expected}, got ${received}`, {
    path,
    expected,
    received,
  });
}

/** nft has no way to write a quote inside quotes. */
function isQuotable(text: string): boolean {
  return !/["\p{Cc}\u2028\u2029]/u.test(text);
}

function hex8(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
