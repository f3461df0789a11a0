import assert from "node:assert/strict";
import { canonicalIptables } from "../../../src/lab/rules/canonical-iptables.ts";
import { canonicalNft } from "../../../src/lab/rules/canonical-nft.ts";
import { compareDumps } from "../../../src/lab/rules/compare-dumps.ts";
import { suite } from "../../support/suite.ts";

const test = suite("dumps of rules, compared");

function nat(...rules: readonly string[]): string {
  return [
    "*nat",
    ":PREROUTING ACCEPT [7:420]",
    ":KUBE-SERVICES - [0:0]",
    ":KUBE-SVC-A - [0:0]",
    ...rules,
    "COMMIT",
    "",
  ].join("\n");
}
const compareIptables = (a: string, b: string) => compareDumps(canonicalIptables(a), canonicalIptables(b));

test("counters, comments and the order of chains do not count", () => {
  const a = nat("-A PREROUTING -j KUBE-SERVICES");
  const b =
    "# Generated\n*nat\n:KUBE-SVC-A - [0:0]\n:KUBE-SERVICES - [1:1]\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j KUBE-SERVICES\nCOMMIT\n";
  assert.deepEqual(compareIptables(a, b), []);
});

test("the order of rules does not count where kube-proxy's is random, but for those that must be last", () => {
  const last =
    '-A KUBE-SERVICES -m comment --comment "x; NOTE: this must be the last rule in this chain" -j KUBE-NODEPORTS';
  const rules = ["-A KUBE-SERVICES -d 10.0.0.1/32 -j KUBE-SVC-A", "-A KUBE-SERVICES -d 10.0.0.2/32 -j KUBE-SVC-A"];
  assert.deepEqual(compareIptables(nat(...rules, last), nat(...rules.toReversed(), last)), []);
  assert.equal(compareIptables(nat(...rules, last), nat(last, ...rules))[0]?.reordered, true);
});

test("the order of rules counts everywhere else", () => {
  const rules = ["-A KUBE-SVC-A -j MARK --set-xmark 0x1/0x1", "-A KUBE-SVC-A -j ACCEPT"];
  assert.deepEqual(compareIptables(nat(...rules), nat(...rules.toReversed())), [
    { block: "nat/KUBE-SVC-A", missing: [], unexpected: [], reordered: true },
  ]);
});

test("a rule that is missing, one too much, one doubled, another policy and a chain that is gone are named", () => {
  const a = nat("-A KUBE-SVC-A -j ACCEPT", "-A KUBE-SVC-A -j ACCEPT", "-A PREROUTING -j KUBE-SERVICES");
  const b = nat("-A KUBE-SVC-A -j ACCEPT", "-A PREROUTING -j RETURN")
    .replace("PREROUTING ACCEPT", "PREROUTING DROP")
    .replace(":KUBE-SERVICES - [0:0]\n", "");
  assert.deepEqual(compareIptables(a, b), [
    { block: "nat/KUBE-SERVICES", missing: [":KUBE-SERVICES -"], unexpected: [], reordered: false },
    {
      block: "nat/KUBE-SVC-A",
      missing: ["-A KUBE-SVC-A -j ACCEPT"],
      unexpected: [],
      reordered: false,
    },
    {
      block: "nat/PREROUTING",
      missing: [":PREROUTING ACCEPT", "-A PREROUTING -j KUBE-SERVICES"],
      unexpected: [":PREROUTING DROP", "-A PREROUTING -j RETURN"],
      reordered: false,
    },
  ]);
});

const nft = (elements: string, rules: string, comment = "rules for kube-proxy"): string => `table ip kube-proxy {
\tcomment "${comment}"
\tset cluster-ips {
\t\ttype ipv4_addr
\t\telements = { ${elements} }
\t}

\tchain services {
${rules}
\t}
}
table ip filter {
\tchain INPUT {
\t}
}
`;

test("elements have no order, rules have", () => {
  const a = canonicalNft(nft('10.0.0.1 comment "a, b",\n\t\t\t     10.0.0.2', "\t\treject\n\t\tdrop"));
  const same = canonicalNft(nft('10.0.0.2, 10.0.0.1 comment "a, b"', "\t\treject\n\t\tdrop"));
  const other = canonicalNft(nft('10.0.0.2, 10.0.0.1 comment "a, b"', "\t\tdrop\n\t\treject"));
  assert.deepEqual(compareDumps(a, same), []);
  assert.deepEqual(
    compareDumps(a, other).map(({ block, reordered }) => [block, reordered]),
    [["ip kube-proxy chain services", true]],
  );
});

test("a table's comment counts, and other tables unless only kube-proxy's are asked for", () => {
  const a = canonicalNft(nft("10.0.0.1", "\t\tdrop"));
  const b = canonicalNft(nft("10.0.0.1", "\t\tdrop", "other"), ["kube-proxy"]);
  assert.deepEqual(
    compareDumps(a, b).map(({ block }) => block),
    ["ip filter", "ip filter chain INPUT", "ip kube-proxy"],
  );
});

test("what is left of an element's time does not count", () => {
  const a = canonicalNft(nft("10.0.0.1 expires 2h59m", "\t\tdrop"));
  assert.deepEqual(compareDumps(a, canonicalNft(nft("10.0.0.1", "\t\tdrop"))), []);
});
