import assert from "node:assert/strict";
import { basename } from "node:path";
import { createObjectsHeld } from "../../../src/lab/rules/objects-held.ts";
import { recordedState, wasRefused } from "../../../src/lab/rules/recorded-state.ts";
import { expectedDump, findRecordings, readRecording } from "../../../src/lab/rules/recording.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";

const test = suite("recordings of rules, read");
const golden = (...parts: readonly string[]): string => inProject("test", "golden", ...parts);
const keyOf = (object: unknown): string => (object as { metadata: { name: string } }).metadata.name;

test("a folder of scenarios, one scenario and a cluster's states are found in order of name", () => {
  const all = findRecordings(golden("kube-proxy"));
  assert.ok(all.length > 100);
  assert.deepEqual(findRecordings(all[0]!), [all[0]]);
  const states = ["expected-136", "expected-136-after-rolling-update", "expected-136-after-service-changes"];
  for (const path of [golden("clusters"), golden("clusters", "boutique")]) {
    assert.deepEqual(
      findRecordings(path).map((folder) => basename(folder)),
      states,
    );
  }
  assert.deepEqual(findRecordings(golden("ipvs")), []);
});

test("a cluster's state has one stage, with the objects of that state and the dumps of each mode", () => {
  const [first, after] = findRecordings(golden("clusters")).map(readRecording);
  assert.deepEqual(first!.modes, ["iptables", "nftables"]);
  assert.equal(first!.stages.length, 1);
  assert.notDeepEqual(after!.stages[0]!.applied, first!.stages[0]!.applied);
  assert.ok(first!.stages[0]!.applied.some(({ key }) => key.includes("/ServiceCIDR/")));
  assert.match(expectedDump(first!, "00-initial", "nftables", "nft.txt")!, /^table ip kube-proxy/m);
  assert.match(expectedDump(first!, "00-initial", "iptables", "ip6tables-save.txt")!, /^\*nat/m);
});

test("a scenario of one mode has its dumps without a mode in their names", () => {
  const recording = readRecording(golden("kube-proxy-userspace", "14-seq-endpoints"));
  assert.deepEqual(recording.modes, ["userspace"]);
  assert.match(expectedDump(recording, "02-three", "userspace", "iptables-save.txt")!, /KUBE-PORTALS-HOST/);
  assert.equal(expectedDump(recording, "02-three", "userspace", "ip6tables-save.txt"), undefined);
});

test("a refused sync is one that kube-proxy's log tells of", () => {
  const recording = readRecording(golden("kube-proxy", "159-long-names-no-endpoints"));
  assert.deepEqual([wasRefused(recording, "iptables"), wasRefused(recording, "nftables")], [false, true]);
  assert.deepEqual(recordedState(recording, "ipvs"), {});
});

test("of ServiceCIDRs only those of its start are known to a process, until it is started anew", () => {
  const { stages } = readRecording(golden("kube-proxy", "163-seq-service-cidr"));
  const held = createObjectsHeld();
  for (const stage of stages) held.enter(stage);
  const names = (objects: readonly unknown[]): boolean => objects.map(keyOf).includes("second");
  assert.deepEqual([names(held.all()), names(held.known())], [true, false]);
  held.enter({ name: "02-restart", deleted: [], applied: [], action: { action: "restart" } });
  assert.equal(names(held.known()), true);
});

test("what mode userspace answered at first is what it answered in its first stage", () => {
  const recording = readRecording(golden("kube-proxy-userspace", "01-tcp-3-endpoints"));
  const { http = [] } = recordedState(recording, "userspace").stages!["00-initial"]!;
  const urls = ["10256/healthz", "10249/proxyMode", "10249/healthz"].map((rest) => `http://127.0.0.1:${rest}`);
  assert.deepEqual(
    http.map(({ url }) => url),
    urls,
  );
});
