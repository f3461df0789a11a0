import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { inProject } from "./support/root.ts";
import { suite } from "./support/suite.ts";

/** Folder of src → what it may import besides itself. `*` is everything but `cli`. A file is named with its path. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  net: ["core"],
  cluster: ["core", "net"],
  model: ["core", "net", "cluster"],
  balancers: ["core", "net"],
  modes: ["core", "net", "model", "balancers/share-threshold.ts", "balancers/ipvs-schedulers.ts"],
  host: ["core", "net"],
  dataplane: ["core", "net", "host", "balancers", "modes"],
  agent: ["core", "net", "host", "cluster", "model", "modes", "dataplane"],
  explain: ["core", "net", "model", "modes", "dataplane/emulated", "dataplane/dataplane.ts"],
  measure: ["core", "net", "host", "dataplane/dataplane.ts"],
  lab: ["core", "net", "host", "cluster", "model", "balancers", "modes", "dataplane", "agent", "explain", "measure"],
  report: ["core", "measure/result.ts"],
  cli: ["*"],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

const src = inProject("src");
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.split(sep).join("/"));

/** Every import of a file, relative ones as paths from src/, others as they are written. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), "utf8");
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]!);
  return specifiers.map((to) => ({
    from: file,
    to: to.startsWith(".")
      ? relative(src, join(src, dirname(file), to))
          .split(sep)
          .join("/")
      : to,
  }));
}

const imports = files.flatMap(importsOf);
const inside = imports.filter(({ to }) => to.endsWith(".ts"));
const folderOf = (file: string): string => file.split("/")[0]!;

function may({ from, to }: Import): boolean {
  const folder = folderOf(from);
  if (!from.includes("/") || folder === folderOf(to)) return true;
  if (folderOf(to) === "cli") return false;
  const list = allowed[folder] ?? [];
  return list.includes("*") || list.some((entry) => to === entry || to.startsWith(`${entry}/`));
}

const offenders = (bad: (one: Import) => boolean): string[] =>
  imports.filter(bad).map(({ from, to }) => `${from} imports ${to}`);

const test = suite("architecture");

test("every folder of src is in the import table", () => {
  const folders = new Set(files.filter((file) => file.includes("/")).map(folderOf));
  assert.deepEqual(
    [...folders].filter((folder) => !(folder in allowed)),
    [],
  );
  assert.ok(inside.length > 50, `only ${inside.length} imports were found`);
});

test("a folder imports only what the import table allows", () => {
  assert.deepEqual(
    inside.filter((one) => !may(one)).map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
});

test("modes do not import each other, except the rules that ipvs and userspace write", () => {
  const modeOf = (file: string): string | undefined => /^modes\/([^/]+)\//.exec(file)?.[1];
  const shared = new Set(["ruleset", "render", "parse"].map((name) => `modes/iptables/${name}.ts`));
  const bad = inside.filter(({ from, to }) => {
    const [a, b] = [modeOf(from), modeOf(to)];
    return a !== undefined && b !== undefined && a !== b && !shared.has(to);
  });
  assert.deepEqual(bad, []);
});

test("a dataplane never imports a compiler, and no other dataplane but the interpreters", () => {
  const bad = inside.filter(({ from, to }) => {
    if (!from.startsWith("dataplane/")) return false;
    if (/^modes\/(.*\/)?compile/.test(to)) return true;
    const [a, b] = [from, to].map((file) => /^dataplane\/([^/]+)\//.exec(file)?.[1]);
    return a !== undefined && b !== undefined && a !== b && !(a === "workers" && b === "emulated");
  });
  assert.deepEqual(bad, []);
});

test("balancers, and all that they reach, import no node: module", () => {
  const reached = new Set(files.filter((file) => file.startsWith("balancers/")));
  for (const file of reached) for (const { to } of importsOf(file)) if (to.endsWith(".ts")) reached.add(to);
  assert.deepEqual(
    offenders(({ from, to }) => reached.has(from) && !to.endsWith(".ts")),
    [],
  );
});

test("one place each for processes, randomness and time", () => {
  const places: readonly { readonly what: RegExp; readonly where: readonly string[] }[] = [
    { what: /"node:child_process"/, where: ["host/exec.ts"] },
    { what: /Math\.random|getRandomValues/, where: ["core/random.ts"] },
    { what: /Date\.now|new Date\b|performance\.now|process\.hrtime/, where: ["core/clock.ts"] },
  ];
  for (const { what, where } of places) {
    const users = files.filter((file) => what.test(readFileSync(join(src, file), "utf8")));
    assert.deepEqual(users, where, String(what));
  }
});
