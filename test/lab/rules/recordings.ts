/** What real kube-proxies did, played by `sluice run --dataplane kernel` in namespaces of its own. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { seededRandom } from "../../../src/core/random.ts";
import { exec } from "../../../src/host/exec.ts";
import { findRecordings, readRecording } from "../../../src/lab/rules/recording.ts";
import { obstacle } from "../../dataplane/kernel/in-kernel.ts";
import { isFullRun } from "../../support/full-run.ts";
import { inProject } from "../../support/root.ts";
import { sample, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";

/** The recordings are dealt out to so many files. */
const PARTS = 6;
const parts = Array.from({ length: PARTS }, (_, index) => index + 1);

/** Declares one part: all of it in a full run, else of half of the parts one recording in one mode. @param part from 1 on. */
export async function declareRecordings(part: number): Promise<void> {
  const missing = await obstacle("nf_tables");
  const test = suite(`rules of a real kube-proxy, by sluice run, part ${part}`, { timeoutMs: 580_000 });
  const golden = ["kube-proxy", "clusters"].flatMap((name) => findRecordings(inProject("test", "golden", name)));
  const all = golden.filter((_, i) => i % PARTS === part - 1);
  const full = isFullRun();
  if (!sample(parts, PARTS / 2).includes(part)) {
    test("all of its recordings can be read", () => {
      for (const folder of all) assert.ok(readRecording(folder).modes.length > 0, folder);
    });
    return;
  }
  const random = seededRandom(seed);
  const chosen = full ? all : [all[random.below(all.length)]!];
  // Some were recorded in one mode alone.
  const { modes } = readRecording(chosen[0]!);
  const mode = full ? [] : ["--mode", modes[random.below(modes.length)]!];
  const title = `stage by stage, once and watching: ${chosen.map((folder) => basename(folder)).join(", ")} ${mode.join(" ")}`;
  if (missing === undefined) test(title, () => play(chosen, mode));
  else test.skip(title, missing);
}

/** Plays recordings, all of which have to agree. @param mode words of the command line; empty: all modes. */
export async function play(folders: readonly string[], mode: readonly string[] = []): Promise<void> {
  const argv = [process.execPath, inProject("dist", "cli", "main.js"), "conformance", ...folders, ...mode] as const;
  const { exitCode, stdout, stderr } = await exec(argv, { timeoutMs: 570_000 });
  const differing = stdout.split("\n").filter((line) => !line.startsWith("agrees"));
  assert.equal(exitCode, 0, `${differing.join("\n")}${stderr}`);
  const [, stages, compared] = /^(\d+) of \1 stages agree, ([1-9]\d*) records compared$/m.exec(stdout) ?? [];
  assert.ok(Number(stages) >= folders.length, stdout);
  console.log(`${stages} stages, ${compared} records`);
}
