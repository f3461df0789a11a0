import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { environmentSince, environmentStart, readGitCommit } from "../../src/measure/environment.ts";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";

const test = suite("environment");
const commit = "0123456789abcdef0123456789abcdef01234567";

/** Writes files into a folder that is gone afterwards. */
function withFiles(files: Readonly<Record<string, string>>, check: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "sluice-git-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    check(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("it names the version, the processor and the command line, with plausible figures", () => {
  const environment = environmentSince(environmentStart(), "node");
  const { version } = JSON.parse(readFileSync(inProject("package.json"), "utf8")) as { version: string };
  assert.equal(environment.sluiceVersion, version);
  assert.equal(environment.nodeVersion, process.version);
  assert.equal(environment.engine, "node");
  assert.match(environment.startedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  // Not the folder: it says something of the host, and nothing of the run.
  assert.equal(environment.commandLine[0], "environment.test.js");
  assert.ok(environment.processors.value! >= 1);
  assert.ok(environment.memoryTotal.value! >= environment.memoryFree.value!);
  const stolen = environment.stolenTime.value;
  assert.ok(stolen === null || (stolen >= 0 && stolen <= 1), `${stolen}`);
});

test("it tells the settings of the kernel that matter, as the kernel writes them", () => {
  const { sysctls, system } = environmentSince(environmentStart(), "node");
  const read = (path: string): string => readFileSync(`/proc/sys/net/${path}`, "utf8").trim().replaceAll("\t", " ");
  assert.equal(sysctls["net.core.somaxconn"], read("core/somaxconn"));
  assert.equal(sysctls["net.ipv4.ip_local_port_range"], read("ipv4/ip_local_port_range"));
  assert.match(sysctls["net.ipv4.tcp_rmem"]!, /^\d+ \d+ \d+$/);
  // Nothing tracks connections on every host.
  assert.ok(Object.hasOwn(sysctls, "net.netfilter.nf_conntrack_max"));
  assert.ok(system.includes(release()), system);
});

test("the commit of a branch is read from its loose ref", () => {
  withFiles({ ".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": `${commit}\n` }, (folder) =>
    assert.equal(readGitCommit(folder), commit),
  );
});

test("the commit of a branch is read from the packed refs", () => {
  const packed = `# pack-refs with: peeled\n${"f".repeat(40)} refs/heads/other\n${commit} refs/heads/main\n`;
  withFiles({ ".git/HEAD": "ref: refs/heads/main\n", ".git/packed-refs": packed }, (folder) =>
    assert.equal(readGitCommit(folder), commit),
  );
});

test("a detached head is its own commit", () => {
  withFiles({ ".git/HEAD": `${commit}\n` }, (folder) => assert.equal(readGitCommit(folder), commit));
});

test("in a worktree the branch is read from the common folder", () => {
  const files = {
    "tree/.git": "gitdir: ../repo/.git/worktrees/tree\n",
    "repo/.git/worktrees/tree/HEAD": "ref: refs/heads/side\n",
    "repo/.git/worktrees/tree/commondir": "../..\n",
    "repo/.git/refs/heads/side": `${commit}\n`,
  };
  withFiles(files, (folder) => assert.equal(readGitCommit(join(folder, "tree")), commit));
});

test("outside a checkout, and before the first commit, there is none", () => {
  withFiles({ "README.md": "" }, (folder) => assert.equal(readGitCommit(folder), undefined));
  withFiles({ ".git/HEAD": "ref: refs/heads/main\n" }, (folder) => assert.equal(readGitCommit(folder), undefined));
});
