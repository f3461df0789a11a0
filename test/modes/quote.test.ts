/** No text of a cluster may come out of its place in a rule. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { isSluiceError } from "../../src/core/errors.ts";
import { renderIptables } from "../../src/modes/iptables/render.ts";
import type { Chain, IptablesRuleset, Match, Target } from "../../src/modes/iptables/ruleset.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("texts inside rules");
const formats = ["restore", "save"] as const;

/** Splits a line as iptables-restore does (`add_param_to_argv`): a closing quote ends an argument, even an empty one. */
function argumentsOf(line: string): readonly string[] {
  const out: string[] = [];
  let word = "";
  let open = false;
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at]!;
    if (open && char === "\\") word += line[(at += 1)] ?? "";
    else if (char === '"' && !open) open = true;
    else if (char === '"' || (!open && /[ \t\n]/.test(char))) {
      if (open || word !== "") out.push(word);
      word = "";
      open = false;
    } else word += char;
  }
  assert.equal(open, false, `an open quote: ${line}`);
  return word === "" ? out : [...out, word];
}

/** Texts that try to get out: what rules are made of, cut and joined, and anything at all. */
const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(
      fc.constantFrom(
        '"',
        "'",
        "\\",
        " ",
        "\n",
        "\r",
        "\t",
        "\0",
        "-j ACCEPT",
        "COMMIT",
        "-A INPUT",
        "x",
        "#",
        "é",
        "!",
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join("")),
);

function rulesetOf(matches: readonly Match[], target: Target, name = "KUBE-X"): IptablesRuleset {
  const chain: Chain = { name, rules: [{ matches, target }] };
  return { family: 4, tables: [{ name: "filter", chains: [chain] }] };
}

/** The text of a ruleset, or undefined if it was refused. */
function textOf(ruleset: IptablesRuleset, format: "restore" | "save"): string | undefined {
  try {
    return renderIptables(ruleset, format);
  } catch (error) {
    if (isSluiceError(error, "RULE_TEXT_INVALID")) return undefined;
    throw error;
  }
}

test("a comment is refused or comes out as one argument, whatever it is", () => {
  let written = 0;
  let refused = 0;
  const property = fc.property(hostile, fc.constantFrom(...formats), (text, format) => {
    const rendered = textOf(rulesetOf([{ kind: "comment", text }], { kind: "drop" }), format);
    if (rendered === undefined) {
      refused += 1;
      return;
    }
    written += 1;
    const lines = rendered.split("\n");
    assert.equal(lines.length, 5);
    assert.deepEqual(argumentsOf(lines[2]!), ["-A", "KUBE-X", "-m", "comment", "--comment", text, "-j", "DROP"]);
  });
  fc.assert(property, { seed, numRuns: runs(50_000, 3000) });
  assert.ok(written > 100 && refused > 100, `${written} written, ${refused} refused`);
});

test("a name is refused or comes out as one argument, wherever it stands", () => {
  /** By place: how a name gets there, and how many arguments stand before it. */
  const places: readonly ((name: string) => IptablesRuleset)[] = [
    (name) => rulesetOf([], { kind: "drop" }, name),
    (chain) => rulesetOf([], { kind: "jump", chain }),
    (chain) => rulesetOf([], { kind: "goto", chain }),
    (list) => rulesetOf([{ kind: "recent-set", list }], { kind: "drop" }),
    (list) => rulesetOf([{ kind: "recent-check", list, seconds: 1 }], { kind: "drop" }),
    (counter) => rulesetOf([{ kind: "nfacct", counter }], { kind: "drop" }),
    (name) => rulesetOf([{ kind: "in-interface", name }], { kind: "drop" }),
    (name) => rulesetOf([{ kind: "out-interface", name }], { kind: "drop" }),
    (set) => rulesetOf([{ kind: "set", set, dimensions: ["dst"] }], { kind: "drop" }),
  ];
  const property = fc.property(
    fc.oneof(hostile, fc.stringMatching(/^[\w.:@/+-]{1,15}$/)),
    fc.constantFrom(...places),
    fc.constantFrom(...formats),
    (name, place, format) => {
      const rendered = textOf(place(name), format);
      if (rendered === undefined) return;
      const plain = renderIptables(place("NAME"), format);
      assert.equal(rendered, plain.replaceAll("NAME", name));
      assert.deepEqual(argumentsOf(name), [name]);
      assert.ok(!name.startsWith("-"), name);
    },
  );
  fc.assert(property, { seed, numRuns: runs(50_000, 3000) });
});

test("a comment that the kernel would cut is refused, and one that just fits is not", () => {
  const rule = (text: string): IptablesRuleset => rulesetOf([{ kind: "comment", text }], { kind: "drop" });
  assert.ok(textOf(rule("x".repeat(255)), "restore")?.includes("x".repeat(255)));
  assert.equal(textOf(rule("x".repeat(256)), "restore"), undefined);
  assert.equal(textOf(rule("é".repeat(128)), "restore"), undefined);
  assert.ok(textOf(rule("é".repeat(127)), "restore") !== undefined);
});

test("the error names the place and shows the text without its control characters", () => {
  const bad = rulesetOf([{ kind: "comment", text: "a\nCOMMIT" }], { kind: "drop" });
  assert.throws(
    () => renderIptables(bad, "restore"),
    (error) =>
      isSluiceError(error, "RULE_TEXT_INVALID") &&
      error.details.path === "comment" &&
      error.details.received === String.raw`"a\nCOMMIT"`,
  );
});
