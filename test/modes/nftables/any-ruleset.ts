import * as fc from "fast-check";
import { compileNftables } from "../../../src/modes/nftables/compile.ts";
import { type NftablesOptions, resolveNftablesOptions } from "../../../src/modes/nftables/options.ts";
import type {
  Chain,
  Element,
  NamedSet,
  NftablesRuleset,
  Rule,
  Statement,
  Table,
} from "../../../src/modes/nftables/ruleset.ts";
import type { Ip4 } from "../../../src/net/ip.ts";
import { anyCluster } from "../../model/any-cluster.ts";
import { seen } from "../../model/seen.ts";

const anyOptions: fc.Arbitrary<NftablesOptions> = fc.record({
  masqueradeBit: fc.constantFrom(14, 31),
  masqueradeAll: fc.boolean(),
  detectLocal: fc.constantFrom<NftablesOptions["detectLocal"] & object>(
    { by: "none" },
    { by: "cluster-cidr", ranges: ["10.244.0.0/16", "fd00:10:244::/56"] },
    { by: "interface-prefix", prefix: "veth" },
  ),
  nodePortAddresses: fc.constantFrom<readonly string[]>([], ["0.0.0.0/0"], ["127.0.0.0/8"], ["192.168.10.0/24"]),
});

/** What the compiler makes of any small cluster, under any options. */
export const anyCompiled: fc.Arbitrary<NftablesRuleset> = fc
  .tuple(anyCluster, anyOptions)
  .map(([objects, options]) => compileNftables(seen(objects), resolveNftablesOptions(options)));

const chainNames = ["input", "other", "service-a/b", "service-c/d"] as const;
const setNames = ["s0", "s1", "m0", "m1"] as const;
const address = fc.nat(3).map((value) => ({ kind: "ip", ip: value as Ip4 }) as const);
const goto = fc.constantFrom("other", "service-a/b", "service-c/d").map((chain) => ({ kind: "goto", chain }) as const);

/** A set of which even the nature may differ from one table to the next. */
const anySet = (name: string): fc.Arbitrary<NamedSet> => {
  const isMap = name.startsWith("m");
  return fc
    .record({
      // nft 1.0.6 cannot add to a map of intervals in the transaction that makes the chain to which it leads.
      flags: fc.constantFrom<readonly string[]>([], [], isMap ? [] : ["interval"], ["timeout"]),
      timeoutSeconds: fc.constantFrom(60, 300),
      elements: fc.uniqueArray(fc.tuple(address, goto, fc.constantFrom("x", "y", undefined)), {
        selector: ([key]) => key.ip,
        maxLength: 3,
      }),
    })
    .map(({ flags, timeoutSeconds, elements }): NamedSet => {
      const isTimed = flags.includes("timeout");
      const set: NamedSet = {
        name,
        key: ["ipv4_addr"],
        flags,
        elements: isTimed ? [] : elements.map((one) => elementOf(one, isMap)),
      };
      return Object.assign(set, isMap ? { data: ["verdict"] } : {}, isTimed ? { timeoutSeconds } : {});
    });
};

function elementOf(
  [key, data, comment]: readonly [Element["key"], Element["key"], string | undefined],
  isMap: boolean,
): Element {
  return { key, ...(isMap ? { data } : {}), ...(comment === undefined ? {} : { comment }) };
}

const source = { kind: "payload", protocol: "ip", field: "saddr" } as const;
const lookUp = fc.constantFrom(...setNames).map((set): Statement => {
  const data = { kind: "set-reference", set } as const;
  if (set.startsWith("m")) return { kind: "vmap", key: source, data };
  return { kind: "match", operator: "==", left: source, right: data };
});
const plain = fc.constantFrom<Statement>({ kind: "drop" }, { kind: "counter" });

/** Only the base chain looks up maps: the kernel refuses chains that lead round in a circle. */
const anyChain = (name: string): fc.Arbitrary<Chain> => {
  const isBase = name === "input";
  const anyStatement = fc.oneof(plain, isBase ? lookUp : lookUp.filter(({ kind }) => kind === "match"));
  const anyRule = anyStatement.map((statement): Rule => ({ statements: [statement] }));
  return fc
    .record({ rules: fc.array(anyRule, { maxLength: 3 }), priority: fc.constantFrom(0, 10) })
    .map(({ rules, priority }) => {
      if (!isBase) return { name, rules };
      return { name, base: { type: "filter", hook: "input", priority, policy: "accept" }, rules };
    });
};

/** A small table of anything: chains and sets come and go, change their nature, and lead to each other. */
export const anyTable: fc.Arbitrary<Table> = fc
  .tuple(
    fc.tuple(...setNames.map(anySet)),
    fc.tuple(...chainNames.map(anyChain)),
    fc.subarray([...setNames]),
    fc.subarray([...chainNames]),
  )
  .map(([sets, chains, keptSets, keptChains]) => {
    const own = { family: "ip", name: "t", objects: [] } as const;
    return closed({
      ...own,
      sets: sets.filter(({ name }) => (keptSets as string[]).includes(name)),
      chains: chains.filter(({ name }) => (keptChains as string[]).includes(name)),
    });
  });

/** Without what leads to things that are not there. */
function closed(table: Table): Table {
  const names = new Set([...table.sets, ...table.chains].map(({ name }) => name));
  const isThere = (part: unknown): boolean => {
    const text = JSON.stringify(part);
    return [...setNames, ...chainNames].every((name) => names.has(name) || !text.includes(`"${name}"`));
  };
  return {
    ...table,
    sets: table.sets.map((set) => ({ ...set, elements: set.elements.filter(isThere) })),
    chains: table.chains.map((chain) => ({ ...chain, rules: chain.rules.filter(isThere) })),
  };
}
