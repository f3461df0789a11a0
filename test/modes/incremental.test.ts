/** A compiler of a cluster that changes: what it says, and what it keeps. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { ClusterObject } from "../../src/cluster/objects.ts";
import { objectKey, snapshotOf } from "../../src/cluster/state.ts";
import { createModelBuilder } from "../../src/model/build.ts";
import type { Model } from "../../src/model/model.ts";
import { compileProgram, createProgramCompiler, type ProgramOptions } from "../../src/modes/compile.ts";
import { changesBetween } from "../../src/modes/iptables/changes.ts";
import { renderChanges } from "../../src/modes/iptables/render-changes.ts";
import type { IptablesRuleset } from "../../src/modes/iptables/ruleset.ts";
import { changes } from "../../src/modes/nftables/changes.ts";
import { renderTransaction } from "../../src/modes/nftables/render-commands.ts";
import type { NftablesRuleset } from "../../src/modes/nftables/ruleset.ts";
import { modes } from "../../src/modes/program.ts";
import { anyCluster } from "../model/any-cluster.ts";
import { node, service, slice } from "../support/objects.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("programs of a cluster that changes", { timeoutMs: 120_000 });

const anyOptions: fc.Arbitrary<ProgramOptions> = fc
  .record({
    masqueradeAll: fc.boolean(),
    detectLocal: fc.constantFrom({ by: "none" } as const, { by: "node-cidr" } as const),
    nodePortAddresses: fc.constantFrom<readonly string[]>([], ["127.0.0.0/8"], ["primary"]),
  })
  .map((shared) => ({ iptables: shared, nftables: shared }));

/** Some objects come, some go, most are the very same from one step to the next; the node may be another. */
const anyStory = fc.array(fc.tuple(anyCluster, fc.constantFrom("node-a", "node-a", "node-b")), {
  minLength: 2,
  maxLength: 5,
});

function modelsOf(story: readonly (readonly [readonly ClusterObject[], string])[]): readonly Model[] {
  const build = createModelBuilder();
  const held = new Map<string, ClusterObject>();
  return story.map(([objects, nodeName]) => {
    for (const object of objects) held.set(objectKey(object), object);
    const [gone] = held.keys();
    if (held.size > 8 && gone !== undefined) held.delete(gone);
    return build(snapshotOf(held.values()), nodeName);
  });
}

for (const mode of modes) {
  test(`${mode}: whatever changes, the program is the one that is compiled anew`, () => {
    const property = fc.property(anyStory, anyOptions, (story, options) => {
      const compile = createProgramCompiler(mode, options);
      for (const model of modelsOf(story)) assert.deepEqual(compile(model), compileProgram(mode, model, options));
    });
    fc.assert(property, { seed, numRuns: runs(1500, 150) });
  });
}

test("iptables: the changes between programs of one compiler are those between programs compiled anew", () => {
  const property = fc.property(anyStory, (story) => {
    const compile = createProgramCompiler("iptables");
    let kept: readonly [IptablesRuleset, IptablesRuleset] | undefined;
    for (const model of modelsOf(story)) {
      const [mine, anew] = [compile(model), compileProgram("iptables", model)].map(rulesetOf) as [
        IptablesRuleset,
        IptablesRuleset,
      ];
      if (kept !== undefined) assert.deepEqual(changesBetween(kept[0], mine), changesBetween(kept[1], anew));
      kept = [mine, anew];
    }
  });
  fc.assert(property, { seed, numRuns: runs(1500, 150) });
});

test("nftables: the changes between programs of one compiler are those between programs compiled anew", () => {
  const property = fc.property(anyStory, (story) => {
    const compile = createProgramCompiler("nftables");
    let kept: readonly [NftablesRuleset, NftablesRuleset] | undefined;
    for (const model of modelsOf(story)) {
      const [mine, anew] = [compile(model), compileProgram("nftables", model)].map(tablesOf) as [
        NftablesRuleset,
        NftablesRuleset,
      ];
      for (const [i, table] of mine.tables.entries()) {
        if (kept === undefined) continue;
        assert.deepEqual(changes(kept[0].tables[i], table), changes(kept[1].tables[i], anew.tables[i]!));
      }
      kept = [mine, anew];
    }
  });
  fc.assert(property, { seed, numRuns: runs(1500, 150) });
});

/** A cluster of which the first Service has so many endpoints. */
function cluster(services: number): { readonly at: (endpointsOfFirst: number) => readonly ClusterObject[] } {
  const rest = Array.from({ length: services }, (_, i) => [
    service({ name: `other${i}`, clusterIP: `10.97.${i >> 8}.${i & 255}` }),
    slice({ service: `other${i}`, endpoints: [`10.1.${i >> 8}.${i & 255}`, `10.2.${i >> 8}.${i & 255}`] }),
  ]).flat();
  const own = [node(), service({ name: "first" }), ...rest];
  return {
    at: (count) => [
      ...own,
      slice({ service: "first", endpoints: Array.from({ length: count }, (_, i) => `10.3.0.${i + 1}`) }),
    ],
  };
}

/** What one more endpoint costs in text, of a cluster of this size. */
function bytesOfChange(services: number): { readonly iptables: number; readonly nftables: number } {
  const { at } = cluster(services);
  const build = createModelBuilder();
  const models = [at(3), at(4)].map((objects) => build(snapshotOf(objects), "node-a"));
  const compile = createProgramCompiler("iptables");
  const [before, after] = models.map((model) => rulesetOf(compile(model)));
  const compileTables = createProgramCompiler("nftables");
  const [from, to] = models.map((model) => tablesOf(compileTables(model)).tables[0]);
  return {
    iptables: renderChanges(changesBetween(before!, after!), 4).length,
    nftables: renderTransaction(changes(from, to!)).length,
  };
}

test("a change is as many bytes in a large cluster as in a small one", () => {
  // Both are below 1,000 endpoints, so that rules of both have comments.
  assert.deepEqual(bytesOfChange(400), bytesOfChange(2));
  assert.ok(bytesOfChange(400).iptables > 0 && bytesOfChange(400).nftables > 0);
});

test("nftables: an address that two Services claim has what the first says, and the other's once the first is gone", () => {
  const build = createModelBuilder();
  const compile = createProgramCompiler("nftables");
  const many = Array.from({ length: 300 }, (_, i) => [
    service({
      name: `web${String(i).padStart(3, "0")}`,
      clusterIP: `10.97.${i >> 8}.${i & 255}`,
      externalIPs: ["192.0.2.1"].slice(i % 250),
    }),
    slice({ service: `web${String(i).padStart(3, "0")}`, endpoints: [`10.1.${i >> 8}.${i & 255}`] }),
  ]);
  const claimed = (objects: readonly ClusterObject[]): readonly string[] => {
    const model = build(snapshotOf([node(), ...objects]), "node-a");
    const program = compile(model);
    assert.deepEqual(program, compileProgram("nftables", model));
    const map = tablesOf(program).tables[0]!.sets.find(({ name }) => name === "service-ips")!;
    return map.elements
      .filter(({ key }) => JSON.stringify(key).includes(String(0xc0000201)))
      .map(({ data }) => JSON.stringify(data));
  };
  const [first, ...rest] = many;
  assert.match(claimed(many.flat()).join(), /web000/);
  assert.match(claimed(rest.flat()).join(), /^[^ ]*web250[^ ]*$/);
  assert.match(claimed([first!, ...rest].flat()).join(), /^[^ ]*web000[^ ]*$/);
});

test("nftables: an external IP that is the cluster IP too has what comes from outside, as kube-proxy writes it last", () => {
  const own = [node(), service({ externalIPs: ["10.96.0.10"] }), slice({ endpoints: ["10.1.0.1"] })];
  const program = compileProgram("nftables", createModelBuilder()(snapshotOf(own), "node-a"));
  const map = tablesOf(program).tables[0]!.sets.find(({ name }) => name === "service-ips")!;
  assert.deepEqual(
    map.elements.map(({ data }) => /external-/.test(JSON.stringify(data))),
    [true],
  );
});

test("past 1,000 endpoints only service ports that change lose the comments of their endpoints' rules", () => {
  const build = createModelBuilder();
  const compile = createProgramCompiler("iptables");
  const { at } = cluster(400);
  const endpointRules = (count: number): readonly (readonly [string, boolean])[] => {
    const nat = rulesetOf(compile(build(snapshotOf(at(count)), "node-a"))).tables.find(({ name }) => name === "nat");
    return nat!.chains
      .filter(({ name }) => name.startsWith("KUBE-SEP-"))
      .map(({ name, rules }) => [name, rules[0]!.matches.some(({ kind }) => kind === "comment")]);
  };
  const commented = (count: number): number => endpointRules(count).filter(([, has]) => has).length;
  assert.equal(commented(200), 1000, "up to 1,000 all have them");
  assert.equal(commented(201), 800, "above, those of the service that changed have none");
  assert.equal(commented(150), 950, "and below it has them again");
  assert.equal(rulesetOf(compileProgram("iptables", build(snapshotOf(at(201)), "node-a"))).manyEndpoints, true);
});

test("what comes of a service port that did not change is the same data", () => {
  const build = createModelBuilder();
  const compile = createProgramCompiler("iptables");
  const { at } = cluster(20);
  const [before, after] = [at(3), at(4)].map((objects) => rulesetOf(compile(build(snapshotOf(objects), "node-a"))));
  const old = new Set(before!.tables[1]!.chains);
  const chains = after!.tables[1]!.chains.filter(({ name }) => /^KUBE-(?:SVC|SEP)-/.test(name));
  // The service's own chain and that of its new endpoint: those of endpoints that stay are compiled with it.
  assert.equal(chains.filter((chain) => !old.has(chain)).length, 5);
});

function rulesetOf(program: ReturnType<typeof compileProgram>): IptablesRuleset {
  assert.ok(program.mode === "iptables");
  return program.rulesets[0]!;
}

function tablesOf(program: ReturnType<typeof compileProgram>): NftablesRuleset {
  assert.ok(program.mode === "nftables");
  return program.ruleset;
}
