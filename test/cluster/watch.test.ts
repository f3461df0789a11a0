import assert from "node:assert/strict";
import { renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isSluiceError } from "../../src/core/errors.ts";
import { loadCluster } from "../../src/cluster/load.ts";
import { type ClusterSnapshot, emptySnapshot } from "../../src/cluster/state.ts";
import { watchCluster, type WatchOptions } from "../../src/cluster/watch.ts";
import { execOk } from "../../src/host/exec.ts";
import { suite } from "../support/suite.ts";
import { plainService } from "./sample-texts.ts";
import { put, temporaryFolder } from "./temporary-folder.ts";

const test = suite("watchCluster");
/** So long that whatever a test waits for was reported by the system. */
const NO_POLL = { pollMs: 3_600_000 };
const named = (...names: readonly string[]): string =>
  names.map((name) => plainService.replace("web", name)).join("---\n");

const open: { close(): void }[] = [];
test.afterEach(() => {
  for (const watch of open.splice(0)) watch.close();
});

/** Replaces a file in one step, as careful editors do: nobody ever sees half of it. */
function replace(file: string, content: string): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}

/** A watch whose reports are taken one by one: the names of the services, or the code of the error. */
function watched(paths: readonly string[], options: Partial<WatchOptions> = NO_POLL) {
  const reports: (string | string[])[] = [];
  let wake = (): void => {};
  const report = (what: string | string[]): void => {
    reports.push(what);
    wake();
  };
  const watch = watchCluster(paths, {
    onChange: ({ services }: ClusterSnapshot) => report(services.map(({ metadata }) => metadata.name)),
    onRecovery: () => report("recovered"),
    onError: (error) => report(isSluiceError(error, "INPUT_INVALID") ? "INPUT_INVALID" : error.message),
    ...options,
  });
  open.push(watch);
  const next = async (): Promise<string | string[]> => {
    while (reports.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return reports.shift()!;
  };
  return { next, reports, close: () => watch.close() };
}

test("the first state is reported, then each change", async () => {
  const file = put("change/a.yaml", named("a"));
  const { next } = watched([file]);
  assert.deepEqual(await next(), ["a"]);
  writeFileSync(file, named("a", "b"));
  assert.deepEqual(await next(), ["a", "b"]);
  writeFileSync(file, named("b"));
  assert.deepEqual(await next(), ["b"]);
});

test("a file that is replaced by another of its name is followed, again and again", async () => {
  const file = put("replaced/a.yaml", named("a"));
  const { next } = watched([file]);
  await next();
  for (const name of ["b", "c", "d"]) {
    replace(file, named(name));
    assert.deepEqual(await next(), [name]);
  }
});

test("an edit that breaks the input is an error, and the state that follows it a change", async () => {
  const file = put("broken/a.yaml", named("a"));
  const { next } = watched([file]);
  await next();
  replace(file, named("a").replace("80", "many"));
  assert.equal(await next(), "INPUT_INVALID");
  replace(file, named("b"));
  assert.equal(await next(), "recovered");
  assert.deepEqual(await next(), ["b"]);
});

test("a broken edit that is taken back changes nothing, and is said to be over", async () => {
  const file = put("back/a.yaml", named("a"));
  const { next, reports } = watched([file]);
  await next();
  replace(file, "{");
  assert.equal(await next(), "INPUT_INVALID");
  const later = watched([file]);
  assert.equal(await later.next(), "INPUT_INVALID");
  replace(file, named("a"));
  assert.equal(await later.next(), "recovered");
  assert.deepEqual(await later.next(), ["a"]);
  assert.equal(await next(), "recovered");
  replace(file, named("c"));
  assert.deepEqual(await next(), ["c"]);
  assert.deepEqual(reports, []);
});

test("many changes in a short time are one", async () => {
  const file = put("burst/a.yaml", named("start"));
  const { next, reports } = watched([file]);
  await next();
  for (let i = 0; i < 50; i += 1) writeFileSync(file, named(`web-${i}`));
  assert.deepEqual(await next(), ["web-49"]);
  replace(file, named("end"));
  assert.deepEqual(await next(), ["end"]);
  assert.deepEqual(reports, []);
});

test("files that never come to rest are read all the same", async () => {
  const file = put("restless/a.yaml", named("start"));
  const { next } = watched([file]);
  await next();
  let writes = 0;
  const writer = setInterval(() => replace(file, named(`web-${(writes += 1)}`)), 5);
  assert.match((await next())[0]!, /^web-\d+$/);
  clearInterval(writer);
});

test("in a folder, files and folders may come and go", async () => {
  const folder = join(put("tree/a.yaml", named("a")), "..");
  const { next } = watched([folder]);
  assert.deepEqual(await next(), ["a"]);
  put("tree/sub/deep/b.yaml", named("b"));
  assert.deepEqual(await next(), ["a", "b"]);
  put("tree/sub/deep/c.yaml", named("c"));
  assert.deepEqual(await next(), ["a", "b", "c"]);
  rmSync(join(folder, "sub"), { recursive: true });
  assert.deepEqual(await next(), ["a"]);
  put("tree/sub/deep/d.yaml", named("d"));
  assert.deepEqual(await next(), ["a", "d"]);
  rmSync(join(folder, "a.yaml"));
  assert.deepEqual(await next(), ["d"]);
});

test("what the system does not report is found by looking", async () => {
  const target = put("far/target.yaml", named("a"));
  const link = join(put("near/notes.txt", ""), "..", "link.yaml");
  symlinkSync(target, link);
  const { next } = watched([link], { pollMs: 20 });
  assert.deepEqual(await next(), ["a"]);
  // The watched folder is the link's: nothing happens there.
  replace(target, named("b"));
  assert.deepEqual(await next(), ["b"]);
});

test("a file that is missing is an error once, until it is there", async () => {
  const file = join(temporaryFolder, "late", "a.yaml");
  const { next, reports } = watched([file], { pollMs: 20 });
  assert.equal(await next(), `${file}: no such file or folder`);
  put("late/a.yaml", named("a"));
  assert.equal(await next(), "recovered");
  assert.deepEqual(await next(), ["a"]);
  assert.deepEqual(reports, []);
});

test("a file that goes keeps its last good state, and one that comes back is read", async () => {
  const file = put("gone/a.yaml", named("a"));
  const { next, reports } = watched([file]);
  await next();
  rmSync(file);
  assert.equal(await next(), `${file}: no such file or folder`);
  writeFileSync(file, named("a", "b"));
  assert.equal(await next(), "recovered");
  assert.deepEqual(await next(), ["a", "b"]);
  assert.deepEqual(reports, []);
});

for (const [what, text] of Object.entries({ nothing: "", blanks: " \n\n", "a comment": "# generated\n---\n" })) {
  test(`a file that had content and holds ${what} is on its way: the last good state stays`, async () => {
    const [file, other] = [put(`emptied/${what}/a.yaml`, named("a")), put(`emptied/${what}/b.yaml`, named("b"))];
    const { next, reports } = watched([file, other], { ...NO_POLL, current: await loadCluster([file, other]) });
    writeFileSync(file, text);
    assert.match(String(await next()), /a\.yaml: empty, and was not before/);
    writeFileSync(other, named("c"));
    assert.match(String(await next()), /a\.yaml: empty, and was not before/);
    writeFileSync(file, named("a"));
    assert.equal(await next(), "recovered");
    assert.deepEqual(await next(), ["a", "c"]);
    assert.deepEqual(reports, []);
  });
}

test("a List without items says that nothing is there", async () => {
  const file = put("none/a.yaml", named("a"));
  const { next } = watched([file]);
  await next();
  writeFileSync(file, "{apiVersion: v1, kind: List, items: []}\n");
  assert.deepEqual(await next(), []);
});

test("a file that was empty from the start, or came so, stands in no other file's way", async () => {
  const folder = join(put("placeholder/a.yaml", named("a")), "..");
  put("placeholder/later.yaml", "");
  const { next } = watched([folder]);
  assert.deepEqual(await next(), ["a"]);
  put("placeholder/b.yaml", "");
  put("placeholder/c.yaml", named("c"));
  assert.deepEqual(await next(), ["a", "c"]);
  put("placeholder/later.yaml", named("later"));
  assert.deepEqual(await next(), ["a", "c", "later"]);
});

test("a pipe in the place of a file is never opened: the last good state stays", async () => {
  const folder = join(put("pipe/a.yaml", named("a")), "..");
  const { next } = watched([folder]);
  await next();
  const pipe = join(folder, "b.yaml");
  await execOk(["mkfifo", pipe]);
  assert.equal(await next(), `${pipe}: neither a regular file nor a folder, so it cannot be followed`);
  rmSync(pipe);
  assert.equal(await next(), "recovered");
});

test("a state that the caller has already is not reported, nor one that comes again", async () => {
  const file = put("known/a.yaml", named("a"));
  const { next } = watched([file], { ...NO_POLL, current: await loadCluster([file]) });
  const other = watched([file]);
  assert.deepEqual(await other.next(), ["a"]);
  replace(file, `# only a comment\n${named("a")}`);
  replace(file, named("b"));
  assert.deepEqual(await next(), ["b"]);
});

test("what the caller has loaded already is read again only when it has changed", async () => {
  const file = put("read/a.yaml", named("a"));
  const current = await loadCluster([file]);
  // Were the file read, it would say something else than this.
  const { next } = watched([file], { ...NO_POLL, current: { ...current, snapshot: emptySnapshot } });
  const other = watched([file], { current: { ...current, fingerprint: undefined, snapshot: emptySnapshot } });
  assert.deepEqual(await other.next(), ["a"]);
  replace(file, named("b"));
  assert.deepEqual(await next(), ["b"]);
});

test("a watch that is closed reports nothing more", async () => {
  const file = put("closed/a.yaml", named("a"));
  const closedAtOnce = watched([file]);
  closedAtOnce.close();
  const closed = watched([file]);
  await closed.next();
  closed.close();
  const still = watched([file]);
  await still.next();
  replace(file, named("b"));
  assert.deepEqual(await still.next(), ["b"]);
  assert.deepEqual([...closed.reports, ...closedAtOnce.reports], []);
});

test("standard input cannot be watched", () => {
  assert.throws(
    () => watched(["a.yaml", "-"]),
    (error) => isSluiceError(error, "CONFIG_INVALID"),
  );
});

test("of a state that is loaded anew, the objects that say the same are the ones of before", async () => {
  const file = put("shared/a.yaml", named("a", "b"));
  const current = await loadCluster([file]);
  const states: ClusterSnapshot[] = [];
  let wake = (): void => {};
  const changed = new Promise<void>((resolve) => (wake = resolve));
  const onChange = (snapshot: ClusterSnapshot): void => {
    states.push(snapshot);
    wake();
  };
  open.push(watchCluster([file], { ...NO_POLL, current, onChange, onError: (error) => assert.fail(error) }));
  replace(file, named("a", "b").replace("port: 80", "port: 81"));
  await changed;
  const [a, b] = states[0]!.services;
  assert.deepEqual([a === current.snapshot.services[0], b === current.snapshot.services[1]], [false, true]);
});
