/** What is fed to a kernel and when, and what is in force when it refuses. */
import assert from "node:assert/strict";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import { isSluiceError } from "../../../src/core/errors.ts";
import { startCommand } from "../../../src/host/exec.ts";
import type { IptablesRuleset, Rule } from "../../../src/modes/iptables/ruleset.ts";
import type { Family } from "../../../src/net/ip.ts";
import { node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { failure, type Kernel, noted, obstacle, programOf, withKernel, withoutCommands } from "./in-kernel.ts";

const obstacles = { nf_tables: await obstacle("nf_tables"), legacy: await obstacle("legacy") };
const test = suite("kernel, iptables: what is fed", { timeoutMs: 60_000, sampled: 4 });

/** Declares a test with a kernel of its own, in both variants. */
function check(name: string, body: (kernel: Kernel, variant: "nf_tables" | "legacy") => Promise<void>): void {
  for (const variant of ["nf_tables", "legacy"] as const) {
    const missing = obstacles[variant];
    const title = `${variant}: ${name}`;
    if (missing === undefined) test(title, () => withKernel(variant, (kernel) => body(kernel, variant)));
    else test.skip(title, missing);
  }
}

const cluster = (services: number, endpointsOfFirst: number): ClusterObject[] => [
  node(),
  ...Array.from({ length: services }, (_, i) => [
    service({ name: `svc${i}`, clusterIP: `10.96.0.${i + 1}` }),
    slice({
      service: `svc${i}`,
      endpoints: Array.from({ length: i === 0 ? endpointsOfFirst : 2 }, (_, j) => `10.0.${i}.${j + 1}`),
    }),
  ]).flat(),
];
const linesOf = (text: string, start: string): string[] => text.split("\n").filter((line) => line.startsWith(start));

check("the same program again feeds nothing", async (kernel, variant) => {
  const { programmer, fed } = noted(kernel, variant);
  await programmer.apply(...programOf(...cluster(20, 2)));
  assert.equal(fed().length, 2);
  await programmer.apply(...programOf(...cluster(20, 2)));
  assert.deepEqual(fed(), []);
});

check("a change feeds the chains that changed, and no others", async (kernel, variant) => {
  const { programmer, fed } = noted(kernel, variant);
  await programmer.apply(...programOf(...cluster(40, 2)));
  fed();
  await programmer.apply(...programOf(...cluster(40, 3)));
  const [text = "", ...more] = fed();
  assert.deepEqual(more, [], "IPv6 has nothing to change");
  assert.match(text, /^iptables-(nft|legacy)-restore -w 5 --noflush --counters\n/);
  // One service chain with three endpoints, one new endpoint chain.
  assert.equal(linesOf(text, ":KUBE-SVC-").length, 1);
  assert.equal(linesOf(text, ":KUBE-SEP-").length, 1);
  assert.equal(linesOf(text, "-A KUBE-SVC-").length, 3);
  assert.equal(linesOf(text, "-A KUBE-SEP-").length, 2);
  assert.equal(linesOf(text, ":").length, 2);
  assert.equal(linesOf(text, "*").length, 1);
  await programmer.apply(...programOf(...cluster(40, 1)));
  const gone = fed()[0]!;
  assert.equal(linesOf(gone, "-X KUBE-SEP-").length, 2);
  const saved = await kernel.dump(4);
  assert.equal(linesOf(saved, ":KUBE-SEP-").length, 79);
  await assertSame(kernel, variant, cluster(40, 1));
});

check("chains are declared in the order of name that the back end takes in quickest", async (kernel, variant) => {
  const { programmer, fed } = noted(kernel, variant);
  await programmer.apply(...programOf(...cluster(20, 2)));
  for (const text of fed()) {
    for (const table of text.split("COMMIT")) {
      const declared = linesOf(table, ":");
      const inOrder = declared.toSorted();
      assert.deepEqual(declared, variant === "legacy" ? inOrder.toReversed() : inOrder);
    }
  }
});

check("after the period all rules are written anew, which mends what somebody changed", async (kernel, variant) => {
  const { programmer, fed, clock } = noted(kernel, variant);
  const before = cluster(3, 2);
  await programmer.apply(...programOf(...before));
  const command = `iptables${variant === "legacy" ? "-legacy" : "-nft"}`;
  await kernel.sh(`${command} -t nat -F KUBE-MARK-MASQ && ${command} -D OUTPUT -j KUBE-FIREWALL`);
  clock.advance(3_599_999);
  fed();
  await programmer.apply(...programOf(...before));
  assert.deepEqual(fed(), []);
  clock.advance(1);
  await programmer.apply(...programOf(...before));
  await assertSame(kernel, variant, before);
});

/** Services of 100 endpoints each. */
const large = (services: number): ClusterObject[] => [
  node(),
  ...Array.from({ length: services }, (_, i) => [
    service({ name: `svc${i}`, clusterIP: `10.96.0.${i + 1}` }),
    slice({ service: `svc${i}`, endpoints: Array.from({ length: 100 }, (_, j) => `10.0.${i}.${j + 1}`) }),
  ]).flat(),
];

check("with over 1,000 endpoints, what services that are gone leave goes once a period", async (kernel, variant) => {
  const { programmer, fed, clock } = noted(kernel, variant);
  await programmer.apply(...programOf(...large(13)));
  clock.advance(30_000);
  fed();
  await programmer.apply(...programOf(...large(12)));
  assert.equal(linesOf(fed().join(""), "-X ").length, 0, "within the period nothing goes");
  const kept = linesOf(await kernel.dump(4), ":KUBE-S").filter((line) => /SVC|SEP/.test(line));
  assert.equal(kept.length, 13 * 101);
  await programmer.apply(...programOf(...large(13)));
  await programmer.apply(...programOf(...large(11)));
  assert.equal(linesOf(fed().join(""), "-X ").length, 0);
  clock.advance(1);
  await programmer.apply(...programOf(...large(11)));
  assert.equal(linesOf(fed().join(""), "-X ").length, 2 * 101);
  await assertSame(kernel, variant, large(11));
  await programmer.apply(...programOf(...large(10)));
  assert.equal(linesOf(fed().join(""), "-X ").length, 101, "with 1,000 they go at once");
});

/** Asserts that the kernel holds what a fresh one would hold of these objects. */
async function assertSame(kernel: Kernel, variant: "nf_tables" | "legacy", objects: ClusterObject[]): Promise<void> {
  await withKernel(variant, async (fresh) => {
    await fresh.dataplane.apply(...programOf(...objects));
    for (const family of [4, 6] as const) {
      assert.equal(withoutCounters(await kernel.dump(family)), withoutCounters(await fresh.dump(family)));
    }
  });
}

function withoutCounters(text: string): string {
  return text.replace(/\[\d+:\d+\]|^#.*\n/gm, "");
}

/** A program with one more rule at the end of a chain. */
function spoiled(
  [program, plan]: ReturnType<typeof programOf>,
  family: Family,
  table: "nat" | "filter",
  rule: Rule,
): ReturnType<typeof programOf> {
  const spoil = (ruleset: IptablesRuleset): IptablesRuleset => ({
    ...ruleset,
    tables: ruleset.tables.map((one) => (one.name === table ? { ...one, chains: [...one.chains, extra] } : one)),
  });
  const extra = { name: "KUBE-SVC-SPOILED", rules: [rule] };
  const rulesets = program.rulesets.map((ruleset) => (ruleset.family === family ? spoil(ruleset) : ruleset));
  return [{ mode: "iptables", rulesets }, plan];
}

const toNowhere: Rule = { matches: [], target: { kind: "jump", chain: "NOWHERE" } };
const unknownMatch: Rule = { matches: [{ kind: "unknown", text: "-m nosuchmatch --x 1" }] };

for (const [what, table, rule] of [
  ["an unknown chain in nat", "nat", toNowhere],
  ["an unknown match in nat", "nat", unknownMatch],
  ["an unknown match in filter", "filter", unknownMatch],
] as const) {
  check(`a refused set leaves the old one in force, in every table: ${what}`, async (kernel, variant) => {
    const { programmer, fed } = noted(kernel, variant);
    // Without endpoints the service is refused in filter: so both tables differ.
    const idle = [node(), service()];
    const ready = [...idle, slice({ endpoints: ["10.0.0.1"] })];
    await programmer.apply(...programOf(...idle));
    const before = await kernel.dump(4);
    const said = await failure(programmer.apply(...spoiled(programOf(...ready), 4, table, rule)));
    assert.match(said, /iptables-(nft|legacy)-restore \(IPv4\) refused line \d+, "(-A KUBE-SVC-SPOILED|COMMIT)/);
    assert.equal(withoutCounters(await kernel.dump(4)), withoutCounters(before));
    fed();
    await programmer.apply(...programOf(...ready));
    assert.match(fed().join(""), /KUBE-PROXY-CANARY/, "the next set is fed as a whole");
    await assertSame(kernel, variant, ready);
  });
}

check("where the first set is refused, the jumps are there all the same, and canaries", async (kernel, variant) => {
  const { programmer } = noted(kernel, variant);
  await kernel.restore("*nat\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES -p sctp -j RETURN\nCOMMIT\n");
  const wrongFamily = slice({ endpoints: ["10.0.0.1", "fd00::1"] });
  await failure(programmer.apply(...programOf(node(), service(), wrongFamily)));
  const dump = await kernel.dump(4);
  const tableOf = (name: string): string => dump.split("COMMIT\n").find((table) => table.includes(`*${name}\n`)) ?? "";
  const nat = tableOf("nat");
  assert.deepEqual(
    linesOf(nat, ":KUBE-").map((line) => line.split(" ")[0]!),
    [":KUBE-POSTROUTING", ":KUBE-PROXY-CANARY", ":KUBE-SERVICES"],
  );
  assert.deepEqual(linesOf(nat, "-A "), [
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
    "-A KUBE-SERVICES -p sctp -j RETURN",
  ]);
  assert.match(tableOf("filter"), /^-A KUBE-FORWARD /m);
  assert.match(tableOf("mangle"), /^:KUBE-PROXY-CANARY /m);
  await programmer.apply(...programOf(node(), service(), slice({ endpoints: ["10.0.0.1"] })));
  await assertSame(kernel, variant, [node(), service(), slice({ endpoints: ["10.0.0.1"] })]);
});

check("a family that refuses leaves the other one programmed", async (kernel, variant) => {
  const { programmer } = noted(kernel, variant);
  const dual = (ip: string): ClusterObject[] => [
    node(),
    service({ clusterIPs: ["10.96.0.10", "fd00:96::10"] }),
    slice({ endpoints: [ip] }),
    slice({ addressType: "IPv6", endpoints: ["fd00:10::1"] }),
  ];
  await programmer.apply(...programOf(node()));
  const before = await kernel.dump(6);
  const said = await failure(programmer.apply(...spoiled(programOf(...dual("10.0.0.1")), 6, "nat", toNowhere)));
  assert.match(said, /IPv6/);
  assert.doesNotMatch(said, /IPv4/);
  assert.match(await kernel.dump(4), /--to-destination 10\.0\.0\.1:8080/);
  assert.equal(withoutCounters(await kernel.dump(6)), withoutCounters(before));
  await programmer.apply(...programOf(...dual("10.0.0.2")));
  await assertSame(kernel, variant, dual("10.0.0.2"));
});

check(
  "a stale chain to which somebody's rule leads is emptied and told, and stops nothing",
  async (kernel, variant) => {
    const { programmer, warnings } = noted(kernel, variant);
    await kernel.restore(
      "*nat\n:KUBE-SVC-OLD - [0:0]\n:MINE - [0:0]\n-A KUBE-SVC-OLD -p tcp -j MASQUERADE\n-A MINE -j KUBE-SVC-OLD\nCOMMIT\n",
    );
    await programmer.apply(...programOf(...cluster(1, 1)));
    const dump = await kernel.dump(4);
    assert.match(dump, /^:KUBE-SVC-OLD /m);
    assert.match(dump, /^-A MINE -j KUBE-SVC-OLD$/m);
    assert.doesNotMatch(dump, /^-A KUBE-SVC-OLD/m);
    assert.deepEqual(warnings, ["IPv4: nat/KUBE-SVC-OLD is emptied and stays: a rule of somebody else leads to it"]);
  },
);

check("rules of others may be anything, and stay", async (kernel, variant) => {
  await kernel.restore(
    '*filter\n:KUBE-X - [0:0]\n-A INPUT -m string --string "-j KUBE-X" --algo bm -j KUBE-X\nCOMMIT\n',
  );
  const { programmer } = noted(kernel, variant);
  await programmer.apply(...programOf(...cluster(1, 1)));
  assert.match(await kernel.dump(4), /^-A INPUT -m string --string "-j KUBE-X" --algo bm -j KUBE-X$/m);
});

check("a host without one family's iptables is told of it, and serves the other", async (kernel, variant) => {
  const infix = variant === "legacy" ? "-legacy" : "-nft";
  await withoutCommands([`ip6tables${infix}`], async () => {
    const { programmer, warnings } = noted(kernel, variant);
    await programmer.apply(...programOf(...cluster(1, 1)));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /^left out: IPv6: ip6tables/);
    assert.match(await kernel.dump(4), /KUBE-SVC-/);
    assert.doesNotMatch(await kernel.dump(6), /KUBE-/);
  });
  await withoutCommands([`ip6tables${infix}`, `iptables${infix}`], async () => {
    const { programmer } = noted(kernel, variant);
    await assert.rejects(programmer.apply(...programOf(node())), (error) => isSluiceError(error, "HOST_UNABLE"));
  });
});

check("a host without nfacct is told which counter it lacks", async (kernel, variant) => {
  await withoutCommands(["nfacct"], async () => {
    const { programmer } = noted(kernel, variant);
    await assert.rejects(
      programmer.apply(...programOf(...cluster(1, 1))),
      (error) => isSluiceError(error, "HOST_UNABLE") && error.details.missing.includes("ct_state_invalid_dropped_pkts"),
    );
  });
});

check("both counters are there before a rule needs the second one", async (kernel) => {
  await kernel.dataplane.apply(...programOf(node()));
  const listed = await kernel.sh("nfacct list");
  assert.match(listed, /= ct_state_invalid_dropped_pkts;/);
  assert.match(listed, /= localhost_nps_accepted_pkts;/);
});

check("settings of the kernel are those of the namespace", async (kernel) => {
  const setting = "cat /proc/sys/net/ipv4/conf/all/route_localnet";
  assert.equal((await kernel.sh(setting)).trim(), "0");
  await kernel.dataplane.apply(...programOf(node()));
  assert.equal((await kernel.sh(setting)).trim(), "1");
});

check("a closed dataplane applies nothing, and leaves its rules", async (kernel) => {
  await kernel.dataplane.apply(...programOf(...cluster(1, 1)));
  await kernel.dataplane.close();
  assert.equal(await failure(kernel.dataplane.apply(...programOf(node()))), "it is closed");
  assert.match(await kernel.dump(4), /KUBE-SVC-/);
});

if (obstacles.legacy === undefined) {
  test("legacy: an apply waits while another program holds the lock", () =>
    withKernel("legacy", async (kernel) => {
      const { programmer } = noted(kernel, "legacy");
      await programmer.apply(...programOf(node()));
      const holder = startCommand(["flock", "/run/xtables.lock", "sh", "-c", "echo held; sleep 1"]);
      while (holder.stdout() === "" && !holder.ended) await new Promise((resolve) => setTimeout(resolve, 5));
      await programmer.apply(...programOf(...cluster(1, 1)));
      assert.equal(await holder.stop(), 0, "it was over before");
      assert.match(await kernel.dump(4), /KUBE-SVC-/);
    }));
} else test.skip("legacy: an apply waits while another program holds the lock", obstacles.legacy);
