import assert from "node:assert/strict";
import { createObjectsHeld } from "../../../src/lab/rules/objects-held.ts";
import type { RecordedStage } from "../../../src/lab/rules/recording.ts";
import { suite } from "../../support/suite.ts";

const test = suite("objects of a recording");

const nodeOf = (address: string, zone: string) => ({
  key: "v1/Node//node-a",
  object: { metadata: { name: "node-a", labels: { zone } }, spec: {}, status: { addresses: [address] } },
});
const stage = (given: Partial<RecordedStage>): RecordedStage => ({
  name: "a stage",
  deleted: [],
  applied: [],
  action: undefined,
  ...given,
});
const seen = (objects: readonly unknown[]): readonly (readonly [unknown, unknown])[] =>
  (objects as ReturnType<typeof nodeOf>["object"][]).map(({ metadata, status }) => [
    metadata.labels.zone,
    status.addresses[0],
  ]);

test("a kube-proxy that runs on goes by the addresses that its Node had at the start, and by its labels of now", () => {
  const held = createObjectsHeld();
  held.enter(stage({ applied: [nodeOf("192.168.10.5", "a")] }));
  held.enter(stage({ applied: [nodeOf("192.168.10.6", "b")] }));
  assert.deepEqual(seen(held.known()), [["b", "192.168.10.5"]]);
  assert.deepEqual(seen(held.all()), [["b", "192.168.10.6"]]);
  held.enter(stage({ deleted: ["v1/Node//node-a"] }));
  assert.deepEqual(seen(held.known()), [["b", "192.168.10.5"]]);
  assert.deepEqual(held.all(), []);
});

test("one that is started again goes by those of then", () => {
  const held = createObjectsHeld();
  held.enter(stage({ applied: [nodeOf("192.168.10.5", "a")] }));
  held.enter(stage({ applied: [nodeOf("192.168.10.6", "a")], action: { action: "restart" } }));
  assert.deepEqual(seen(held.known()), [["a", "192.168.10.6"]]);
});
