/** What holds for every ruleset, whatever the cluster. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import type { IptablesOptions } from "../../../src/modes/iptables/options.ts";
import { renderIptables } from "../../../src/modes/iptables/render.ts";
import type { IptablesRuleset, Table } from "../../../src/modes/iptables/ruleset.ts";
import { anyCluster } from "../../model/any-cluster.ts";
import { service, slice } from "../../support/objects.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { compiled } from "./chains.ts";

const test = suite("iptables mode: every ruleset");

const anyOptions: fc.Arbitrary<IptablesOptions> = fc.record(
  {
    masqueradeAll: fc.boolean(),
    localhostNodePorts: fc.boolean(),
    nfacct: fc.boolean(),
    detectLocal: fc.constantFrom({ by: "none" }, { by: "node-cidr" }, { by: "interface-prefix", prefix: "veth" }),
    nodePortAddresses: fc.constantFrom([], ["primary"], ["127.0.0.0/8"], ["192.168.0.0/16", "fd00::/8"]),
  },
  { requiredKeys: [] },
);
const family = fc.constantFrom(4 as const, 6 as const);

function jumpsOf({ chains }: Table): ReadonlySet<string> {
  const targets = chains.flatMap(({ rules }) => rules.map(({ target }) => target));
  return new Set(targets.flatMap((target) => (target?.kind === "jump" ? [target.chain] : [])));
}

test("every jump leads to a chain of its table, and every chain of a service is led to and has rules", () => {
  const property = fc.property(anyCluster, anyOptions, family, (objects, options, of) => {
    for (const table of compiled(objects, options, of).tables) {
      const names = table.chains.map(({ name }) => name);
      assert.equal(new Set(names).size, names.length);
      const jumps = jumpsOf(table);
      for (const target of jumps) assert.ok(names.includes(target), `${table.name}: ${target} is missing`);
      const ofServices = table.chains.filter(({ name }) => /^KUBE-(SVC|SVL|EXT|FW|SEP)-/.test(name));
      for (const { name, rules } of ofServices) {
        assert.ok(jumps.has(name), `${table.name}: nothing leads to ${name}`);
        assert.ok(rules.length > 0, `${table.name}: ${name} is empty`);
      }
    }
  });
  fc.assert(property, { seed, numRuns: runs(2000, 200) });
});

test("whatever the cluster, the text can be written in both formats", () => {
  const property = fc.property(anyCluster, anyOptions, family, (objects, options, of) => {
    const ruleset = compiled(objects, options, of);
    const rules = ruleset.tables.flatMap(({ chains }) => chains).flatMap(({ rules }) => rules);
    for (const format of ["restore", "save"] as const) {
      const lines = renderIptables(ruleset, format).split("\n");
      assert.equal(lines.filter((line) => line.startsWith("-")).length, rules.length);
    }
  });
  fc.assert(property, { seed, numRuns: runs(1000, 100) });
});

/** Rules in chains that are kube-proxy's own: what its metric of rules counts. */
function countRules({ tables }: IptablesRuleset): Readonly<Record<string, number>> {
  return Object.fromEntries(
    tables.map(({ name, chains }) => {
      const own = chains.filter(({ policy }) => policy === undefined);
      return [name, own.reduce((sum, { rules }) => sum + rules.length, 0)];
    }),
  );
}

function cluster(services: number, endpoints: number, given: Parameters<typeof service>[0]): ClusterObject[] {
  return Array.from({ length: services }, (_, i) => [
    service({ ...given, name: `svc${i}`, clusterIP: `10.96.0.${i + 1}` }),
    slice({ service: `svc${i}`, endpoints: Array.from({ length: endpoints }, (_, j) => `10.0.${i}.${j + 1}`) }),
  ]).flat();
}

test("rules are as many as kube-proxy's own tests count", () => {
  // Fixed: the localnet guard and three of KUBE-FORWARD; four of masquerading and the node port entry.
  const [fixedFilter, fixedNat] = [4, 5];
  const options: IptablesOptions = { detectLocal: { by: "cluster-cidr", ranges: ["10.0.0.0/8"] } };
  const loadBalancer: Parameters<typeof service>[0] = {
    type: "LoadBalancer",
    ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30080 }],
    externalIPs: ["1.2.3.4"],
    ingress: [{ ip: "5.6.7.8" }],
    loadBalancerSourceRanges: ["1.2.3.4/28"],
  };
  const count = (services: number, endpoints: number, given: Parameters<typeof service>[0]) =>
    countRules(compiled(cluster(services, endpoints, given), options));
  for (const s of [0, 1, 10]) {
    // Without endpoints one address of a cluster IP is refused, and four of a load balancer.
    assert.deepEqual(count(s, 0, {}), { filter: fixedFilter + s, nat: fixedNat });
    assert.deepEqual(count(s, 0, loadBalancer), { filter: fixedFilter + 4 * s, nat: fixedNat });
    for (const n of [1, 2, 10]) {
      // An endpoint has its rule in the service chain and two of its own.
      assert.deepEqual(count(s, n, {}), { filter: fixedFilter, nat: fixedNat + s * (2 + 3 * n) });
      assert.deepEqual(count(s, n, loadBalancer), { filter: fixedFilter + s, nat: fixedNat + s * (10 + 3 * n) });
    }
  }
});
