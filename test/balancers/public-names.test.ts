/** What the library shows to whoever imports it: documented names, and types that know which options fit. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { algorithm, algorithmNames, type BalancerOptions, createBalancer } from "../../src/balancers/index.ts";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";

const test = suite("public names of the balancers");
const index = inProject("src", "balancers", "index.ts");

/** Every name that the index exports, and the text that declares it, from its file's beginning on. */
function exported(): { readonly name: string; readonly before: string; readonly declaration: string }[] {
  const blocks = [...readFileSync(index, "utf8").matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)"/gm)];
  return blocks.flatMap(([, names, file]) => {
    const text = readFileSync(join(dirname(index), file!), "utf8");
    return names!
      .split(",")
      .map((name) => name.trim().replace(/^type /, ""))
      .filter((name) => name !== "")
      .map((name) => {
        const at = text.search(new RegExp(`^export (?:const|function|interface|type|class) ${name}\\b`, "m"));
        assert.ok(at >= 0, `${name} is declared in ${file}`);
        return { name, before: text.slice(0, at).trimEnd(), declaration: text.slice(at) };
      });
  });
}

test("each has a docstring", () => {
  const names = exported();
  assert.ok(names.length > 60, `${names.length} names`);
  assert.deepEqual(
    names.filter(({ before }) => !before.endsWith("*/")).map(({ name }) => name),
    [],
  );
});

test("so has every option, with its default", () => {
  const undocumented = exported()
    .filter(({ name }) => name.endsWith("Options") || name === "BackendSpec")
    .flatMap(({ name, declaration }) => {
      const body = /^export interface \w+[^{]*\{\n([\s\S]*?)\n\}/.exec(declaration)?.[1] ?? "";
      const members = body.split(/^ {2}readonly (?=\w+\?:)/m);
      return members.slice(1).flatMap((member, before) => {
        const docs = members[before]!.slice(members[before]!.lastIndexOf("/**"));
        return docs.includes("@default") && docs.trimEnd().endsWith("*/") ? [] : [`${name}.${member.split("?")[0]}`];
      });
    });
  assert.deepEqual(undocumented, []);
});

test("so has every member of an interface", () => {
  const undocumented = exported().flatMap(({ name, declaration }) => {
    const body = /^export interface \w+[^{]*\{\n([\s\S]*?)\n\}/.exec(declaration)?.[1] ?? "";
    const lines = ["", ...body.split("\n")];
    const isMember = (line: string): boolean => /^ {2}(readonly )?\w+\??[:(]/.test(line);
    return lines
      .filter((line, at) => isMember(line) && !lines[at - 1]!.endsWith("*/"))
      .map((line) => `${name}: ${line.trim()}`);
  });
  assert.deepEqual(undocumented, []);
});

test("every algorithm tells its source and its cost", () => {
  for (const name of algorithmNames) {
    const text = readFileSync(inProject("src", "balancers", `${name}.ts`), "utf8");
    const at = text.search(/^export const \w+ = define/m);
    const docs = text.slice(text.lastIndexOf("/**", at), at);
    assert.match(docs, /Source: /, name);
    assert.match(docs, /O\(/, name);
  }
});

test("options fit the algorithm: what the types refuse is an error of its own, too", () => {
  const refused: readonly (() => unknown)[] = [
    // @ts-expect-error points are ring's
    () => createBalancer({ algorithm: "rr", points: 5 }),
    // @ts-expect-error tableSize is maglev's
    () => createBalancer({ algorithm: "ring", tableSize: 65_537 }),
    // @ts-expect-error not true or false
    () => createBalancer({ algorithm: "sh", shPort: 1 }),
    // @ts-expect-error not a kernel that was recorded
    () => createBalancer({ algorithm: "lc", kernel: "2.4" }),
    // @ts-expect-error no such algorithm
    () => createBalancer({ algorithm: "fastest" }),
    // @ts-expect-error no such field
    () => createBalancer({ algorithm: "wrr" }, [{ id: "a", wieght: 2 }]),
    // @ts-expect-error no such source
    () => createBalancer({ algorithm: "wrr" }, undefined, { seed: 1 }),
  ];
  for (const one of refused) assert.throws(one, { code: "BALANCER_INVALID" }, String(one));
  const fitting: readonly BalancerOptions[] = [
    { algorithm: "ring", points: 5, flowKey: "flow", affinitySeconds: 3 },
    { algorithm: "lc", kernel: "6.1.176" },
    { algorithm: "mh", mhPort: true, mhTableIndex: 8 },
    ...algorithmNames.map((algorithm) => ({ algorithm })),
  ];
  for (const options of fitting) assert.equal(createBalancer(options).algorithm, options.algorithm);
  assert.equal(algorithm("prequal", { poolSize: 8 }).name, "prequal");
});
