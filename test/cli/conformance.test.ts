import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";

const test = suite("sluice conformance", { timeoutMs: 60_000, sampled: 2 });

const golden = (name = ""): string => inProject("test", "golden", "ipvs", name);
const folder = mkdtempSync(join(tmpdir(), "sluice-conformance-"));
test.after(() => rmSync(folder, { recursive: true }));

interface Recording {
  picks: (number | null)[];
  counts: unknown[];
  events: { op: string }[];
  variants?: Readonly<Record<string, Pick<Recording, "picks" | "counts">>>;
}

function recording(name: string): Recording {
  return JSON.parse(readFileSync(golden(name), "utf8")) as Recording;
}

/** A recording with something changed, as a file. */
function changed(name: string, change: (recording: Recording) => void): string {
  const value = recording(name);
  change(value);
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
}

test("all recordings of a folder agree: exit 0", async () => {
  const { exitCode, stdout, stderr } = await sluice(["conformance", golden()]);
  assert.equal(stderr, "");
  assert.equal(exitCode, 0, stdout);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, 177);
  assert.ok(lines.slice(0, -1).every((line) => line.startsWith("agrees ")));
  assert.equal(lines[0], "agrees   dh-fwmark-dynamic.json: 75 picks, 80 events");
  assert.equal(lines.at(-1), "176 of 176 vectors agree with kernel 6.1.192");
});

test("-o json: one entry a file, in the order of the names, with our picks and counts in the vectors' form", async () => {
  const names = ["udp-sticky.json", "rr-one.json", "rr-tcp-expire.json"];
  const { exitCode, stdout } = await sluice(["conformance", "-o", "json", ...names.map((name) => golden(name))]);
  assert.equal(exitCode, 0);
  const entries = JSON.parse(stdout) as (Recording & { file: string; ok: boolean; packetPicks: unknown })[];
  assert.deepEqual(
    entries.map((entry) => Object.keys(entry)),
    names.map(() => ["file", "ok", "picks", "packetPicks", "counts"]),
  );
  for (const [index, entry] of entries.entries()) {
    const recorded = recording(names[index]!) as Recording & { packetPicks?: unknown };
    assert.deepEqual(entry, {
      file: names[index],
      ok: true,
      picks: recorded.picks,
      packetPicks: recorded.packetPicks ?? [],
      counts: recorded.counts,
    });
  }
});

test("--kernel 6.1.176 is compared with what that kernel did", async () => {
  const name = "lc-overhead-256-257.json";
  const { exitCode, stdout } = await sluice(["conformance", "-o", "json", "--kernel", "6.1.176", golden(name)]);
  assert.equal(exitCode, 0);
  const [entry] = JSON.parse(stdout) as Recording[];
  const [variant] = Object.values(recording(name).variants!);
  assert.deepEqual(entry!.picks, variant!.picks);
  assert.notDeepEqual(entry!.picks, recording(name).picks);
});

test("a difference: exit 1, and the first one of each file between its events", async () => {
  const wrong = changed("rr-one.json", (one) => {
    one.picks[5] = 9;
    one.picks[6] = 9;
  });
  const { exitCode, stdout } = await sluice(["conformance", wrong, golden("rr-tcp-expire.json")]);
  assert.equal(exitCode, 1);
  assert.match(stdout, /^differs {2}rr-one\.json: /);
  assert.match(stdout, /\n {2}event 5, picks\[5\]: 9 was recorded, ours is 1\n/);
  assert.match(
    stdout,
    /\n {2}> {5}5 {2}open 6, [\d.:]+ -> 10\.96\.0\.1:80\n {11}recorded server 9.*\n {11}ours {5}server 1/,
  );
  assert.match(stdout, /\nagrees {3}rr-tcp-expire\.json: /);
  assert.match(stdout, /\n1 of 2 vectors agree with kernel 6\.1\.192\n$/);
  assert.equal(stdout.match(/was recorded/g)!.length, 1);
  const json = await sluice(["conformance", "-o", "json", wrong]);
  assert.equal(json.exitCode, 1);
  const [{ ok, picks }] = JSON.parse(json.stdout) as [{ ok: boolean; picks: readonly number[] }];
  assert.deepEqual([ok, picks.slice(5, 7)], [false, [1, 1]]);
});

test("random picks are those of a seeded run; recorded ones have to be possible", async () => {
  const run = async (...args: readonly string[]): Promise<readonly number[]> => {
    const { exitCode, stdout } = await sluice(["conformance", "-o", "json", ...args, golden("twos-3.json")]);
    assert.equal(exitCode, 0);
    return (JSON.parse(stdout) as [{ picks: readonly number[] }])[0].picks;
  };
  const first = await run();
  assert.deepEqual(await run("--seed", "1"), first);
  assert.notDeepEqual(await run("--seed", "2"), first);
  const impossible = changed("twos-3.json", ({ picks }) => (picks[0] = 4));
  const { exitCode, stdout } = await sluice(["conformance", impossible]);
  assert.equal(exitCode, 1);
  assert.match(stdout, /event 0, picks\[0\]: 4 was recorded, possible were \[3,2,1\]\n/);
});

test("what is no vector: exit 2, its place on stderr, and nothing on stdout", async () => {
  const unknown = changed("rr-one.json", ({ events }) => (events[2]!.op = "teleport"));
  writeFileSync(join(folder, "text.json"), "no JSON");
  for (const [path, message] of [
    [unknown, /rr-one\.json:1:\d+: events\[2\]\.op: expected open, .* wait, got "teleport"/],
    [join(folder, "text.json"), /text\.json:1:1: expected /],
    [inProject("package.json"), /package\.json:1:1: scheduler: expected rr, /],
  ] as const) {
    const { exitCode, stdout, stderr } = await sluice(["conformance", golden("rr-one.json"), path, "-o", "json"]);
    assert.deepEqual([exitCode, stdout], [2, ""], path);
    assert.match(stderr, message);
  }
});

test("bad usage: exit 2", async () => {
  for (const args of [[], ["--kernel", "5.15", golden()]]) {
    const { exitCode, stdout } = await sluice(["conformance", ...args]);
    assert.deepEqual([exitCode, stdout], [2, ""], args.join(" "));
  }
});

test("the help says what is special about random picks", async () => {
  const { exitCode, stdout } = await sluice(["conformance", "--help"]);
  assert.equal(exitCode, 0);
  assert.match(stdout.replace(/\s+/g, " "), /Picks of the scheduler twos are random: .* a seeded run of our own\./);
});
