import assert from "node:assert/strict";
import { resolveBenchOptions } from "../../../src/lab/options.ts";
import { controlOf } from "../../../src/lab/sharing/control.ts";
import type { CreateDataplane } from "../../../src/lab/stage.ts";
import { suite } from "../../support/suite.ts";
import { smallCluster } from "../small-cluster.ts";

const test = suite("the control of sharing out");
const resolve = (...subjects: string[]) =>
  resolveBenchOptions({ snapshot: smallCluster, nodeName: "node-a", subjects, seed: 7 });

test("it is the first subject that picks at random, once more, with other picks", () => {
  const { pair, resolved, wrap, text } = controlOf(resolve("userspace", "ipvs-rr", "nftables@node", "iptables"));
  assert.deepEqual(pair, ["nftables@node", "nftables@node-again"]);
  assert.deepEqual(
    resolved.subjects.map(({ name }) => name),
    ["userspace", "ipvs-rr", "nftables@node", "iptables", "nftables@node-again"],
  );
  const seeds = new Map<string, number>();
  const note = (({ seed }, { name }) => void seeds.set(name, seed)) as (...of: Parameters<CreateDataplane>) => void;
  const create = wrap(note as CreateDataplane);
  for (const spec of resolved.subjects) create(resolved, spec as Parameters<CreateDataplane>[1], [], undefined);
  assert.deepEqual([seeds.get("nftables@node"), seeds.get("iptables"), seeds.get("nftables@node-again")], [7, 7, 8]);
  assert.match(text, /nftables@node-again is nftables@node once more, .* with other random picks/);
});

test("without one it is the client that goes by itself, which is there twice", () => {
  const options = resolve("userspace", "ipvs-sh");
  const { pair, resolved } = controlOf(options);
  assert.deepEqual([pair, resolved], [["direct", "direct-again"], options]);
});
