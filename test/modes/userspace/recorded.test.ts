/** The portal rules against dumps of a kernel that kube-proxy 1.25 programmed in userspace mode. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ofFamily } from "../../../src/modes/of-family.ts";
import type { Program } from "../../../src/modes/program.ts";
import { renderProgram } from "../../../src/modes/render.ts";
import { normalizeDump } from "../../support/normalize-iptables.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";
import { userspaceRecordings } from "../../support/userspace-recording.ts";
import { compileStages } from "../../support/userspace-replay.ts";
import { byService, programmed } from "./portal-dump.ts";

const test = suite("userspace mode, recorded");
const golden = inProject("test", "golden", "kube-proxy-userspace");
const recordings = userspaceRecordings();
let compared = 0;

function savedText(program: Program, family: 4 | 6): string {
  const part = ofFamily(program, family);
  return part === undefined
    ? ""
    : renderProgram(part, "save")
        .map(({ text }) => text)
        .join("");
}

for (const recording of recordings) {
  test(`every stage of ${recording.name} has the rules that kube-proxy programmed, of both families`, () => {
    const folder = join(golden, recording.name, "expected");
    for (const [at, { program }] of compileStages(recording).entries()) {
      const { name } = recording.stages[at]!;
      const dumps = [
        ["iptables-save.txt", 4],
        // One for all stages: nothing was ever in it.
        ...(at === 0 ? [["ip6tables-save.txt", 6] as const] : []),
      ] as const;
      for (const [file, family] of dumps) {
        const recorded = programmed(readFileSync(join(folder, `${name}.${file}`), "utf8"));
        const ours = programmed(savedText(program, family));
        assert.equal(normalizeDump(ours, byService), normalizeDump(recorded, byService), `${name}.${file}`);
        assert.equal(recorded.size > 0, family === 4, `${name}.${file}`);
        compared += 1;
      }
    }
  });
}

test("every dump was compared", () => {
  const files = recordings.flatMap(({ name }) => readdirSync(join(golden, name, "expected")));
  console.log(`${compared} dumps compared`);
  assert.equal(compared, files.filter((file) => file.endsWith("-save.txt")).length);
  assert.equal(compared, 43);
});
