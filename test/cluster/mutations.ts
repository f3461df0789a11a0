import * as fc from "fast-check";

/** Bits of text that mean something to YAML, to JSON or to Kubernetes. */
const snippets = [
  ..."*a|&a |!!str |!!int |!!map |!x |? |: |- |, |{|}|[|]|[]|{}|\"|'|#| # |>|\\|\\n".split("|"),
  ..."<<: *a\n|---\n|...\n|%YAML 1.1\n---\n|\n\n|\t|\r\n|\r|\u0000|\ufeff|\u2028|é|\ud800".split("|"),
  ..."|\n|-\n|+\n".split("\n").map((sign) => `|${sign}\n`),
  ..."null|~|true|0|-1|65536|1e3|0x1F|.5|1.|kind: |items:\n|kind: List\n|apiVersion: v2\n|metadata: ".split("|"),
];

/** One step of damage. Positions are taken modulo what there is. */
type Mutation =
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "insert"; readonly at: number; readonly text: string }
  | { readonly kind: "replace-word"; readonly at: number; readonly text: string }
  | { readonly kind: "swap-words"; readonly at: number; readonly with: number }
  | { readonly kind: "delete-line" | "duplicate-line" | "truncate"; readonly at: number }
  | { readonly kind: "indent-line"; readonly at: number; readonly by: number };

const anyMutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant("flip" as const), at: fc.nat(), bit: fc.nat({ max: 6 }) }),
  fc.record({ kind: fc.constant("insert" as const), at: fc.nat(), text: fc.constantFrom(...snippets) }),
  fc.record({ kind: fc.constant("replace-word" as const), at: fc.nat(), text: fc.constantFrom(...snippets) }),
  fc.record({ kind: fc.constant("swap-words" as const), at: fc.nat(), with: fc.nat() }),
  fc.record({ kind: fc.constantFrom("delete-line", "duplicate-line", "truncate"), at: fc.nat() }),
  fc.record({ kind: fc.constant("indent-line" as const), at: fc.nat(), by: fc.integer({ min: -4, max: 4 }) }),
);

/** One of the texts with one to four steps of damage. */
export function damaged(texts: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...texts), fc.array(anyMutation, { minLength: 1, maxLength: 4 }))
    .map(([text, mutations]) => mutations.reduce(mutate, text));
}

function mutate(text: string, mutation: Mutation): string {
  const at = mutation.at % Math.max(1, text.length);
  switch (mutation.kind) {
    case "flip":
      return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << mutation.bit)) + text.slice(at + 1);
    case "insert":
      return text.slice(0, at) + mutation.text + text.slice(at);
    case "truncate":
      return text.slice(0, at);
    case "replace-word":
      return editWords(text, (words) => words.with(wordAt(words, mutation.at), mutation.text));
    case "swap-words":
      return editWords(text, (words) => {
        const [a, b] = [wordAt(words, mutation.at), wordAt(words, mutation.with)];
        return words.with(a, words[b]!).with(b, words[a]!);
      });
    default:
      return editLine(text, mutation);
  }
}

/** Words stand at even places, what is between them at odd ones. */
function editWords(text: string, edit: (words: string[]) => string[]): string {
  return edit(text.split(/([\s:,"]+)/)).join("");
}

function wordAt(words: readonly string[], at: number): number {
  return 2 * (at % ((words.length + 1) / 2));
}

function editLine(text: string, mutation: Extract<Mutation, { kind: `${string}-line` | "truncate" }>): string {
  const lines = text.split("\n");
  const at = mutation.at % lines.length;
  const line = lines[at]!;
  if (mutation.kind === "delete-line") return lines.toSpliced(at, 1).join("\n");
  if (mutation.kind === "duplicate-line") return lines.toSpliced(at, 0, line).join("\n");
  const by = mutation.kind === "indent-line" ? mutation.by : 0;
  return lines.with(at, by >= 0 ? " ".repeat(by) + line : line.slice(-by)).join("\n");
}
