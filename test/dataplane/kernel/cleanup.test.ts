/** What a clean-up takes away, and what it must leave. */
import assert from "node:assert/strict";
import { node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { type Kernel, noted, obstacle, programOf, variants, withKernel } from "./in-kernel.ts";

const obstacles = await Promise.all(variants.map(obstacle));
const test = suite("kernel, iptables: clean-up", { timeoutMs: 60_000, sampled: 3 });

/** Rules of others: kubelet's, those of an older kube-proxy, those of a CNI plugin. */
const foreign = `*mangle
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-IPTABLES-HINT - [0:0]
COMMIT
*nat
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-XLB-OLD - [0:0]
:CNI-HOSTPORT-DNAT - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A POSTROUTING -s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE
COMMIT
*filter
:KUBE-KUBELET-CANARY - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`;
const cluster = programOf(
  node(),
  service({
    type: "LoadBalancer",
    ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30080 }],
    ingress: [{ ip: "5.6.7.8" }],
    loadBalancerSourceRanges: ["1.2.3.0/24"],
  }),
  slice({ endpoints: ["10.0.0.1", "10.0.0.2"] }),
  service({ name: "idle", clusterIP: "10.96.0.11" }),
);

/** What is said of chains and rules, without counters and comment lines. */
async function rulesIn(kernel: Kernel): Promise<string> {
  const dumps = [await kernel.dump(4), await kernel.dump(6)].join("");
  return dumps.replace(/ \[\d+:\d+\]|^#.*\n/gm, "");
}

/** kube-proxy leaves these: kubelet has the chain, too. */
const shared = [
  ":KUBE-FIREWALL -",
  "-A INPUT -j KUBE-FIREWALL",
  "-A OUTPUT -j KUBE-FIREWALL",
  "-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment " +
    '--comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
];

for (const [index, variant] of variants.entries()) {
  const missing = obstacles[index];
  const check = (name: string, body: (kernel: Kernel) => Promise<void>): void =>
    missing === undefined
      ? test(`${variant}: ${name}`, () => withKernel(variant, body))
      : test.skip(`${variant}: ${name}`, missing);

  check("all of ours goes but KUBE-FIREWALL, and nothing of others", async (kernel) => {
    await kernel.restore(foreign);
    const before = await rulesIn(kernel);
    await kernel.dataplane.apply(...cluster);
    assert.match(await rulesIn(kernel), /KUBE-FW-.*\n/);
    await kernel.restarted().cleanup();
    const left = (await rulesIn(kernel)).split("\n").filter((line) => !shared.includes(line));
    const lines = before.split("\n");
    assert.deepEqual(
      left.filter((line) => line.includes("KUBE-") && !lines.includes(line)),
      [],
    );
    for (const line of lines) assert.ok(left.includes(line), `gone: ${line}`);
    for (const line of shared) assert.ok((await kernel.dump(4)).replace(/ \[\d+:\d+\]/g, "").includes(line), line);
  });

  check("with `all` KUBE-FIREWALL goes, too", async (kernel) => {
    await kernel.restore(foreign);
    await kernel.dataplane.apply(...cluster);
    await kernel.dataplane.cleanup({ all: true });
    const left = await rulesIn(kernel);
    assert.deepEqual([...new Set(left.match(/\bKUBE-\S+/g))].toSorted(), [
      "KUBE-IPTABLES-HINT",
      "KUBE-KUBELET-CANARY",
      "KUBE-XLB-OLD",
    ]);
  });

  check("twice is once, also where nothing was", async (kernel) => {
    await kernel.dataplane.cleanup({ all: true });
    await kernel.dataplane.apply(...cluster);
    await kernel.dataplane.cleanup();
    const left = await rulesIn(kernel);
    await kernel.dataplane.cleanup();
    assert.equal(await rulesIn(kernel), left);
  });

  check("what is applied afterwards is all there", async (kernel) => {
    await kernel.dataplane.apply(...cluster);
    const before = await rulesIn(kernel);
    await kernel.dataplane.cleanup({ all: true });
    await kernel.dataplane.apply(...cluster);
    assert.equal(await rulesIn(kernel), before);
  });

  check("a chain to which somebody's rule leads is emptied and told", async (kernel) => {
    await kernel.dataplane.apply(...cluster);
    await kernel.restore("*filter\n-A FORWARD -s 10.9.0.0/16 -j KUBE-FORWARD\nCOMMIT\n");
    const { programmer, warnings } = noted(kernel, variant);
    await (
      await programmer.findLeft(false)
    )();
    assert.deepEqual(warnings, ["IPv4: filter/KUBE-FORWARD is emptied and stays: a rule of somebody else leads to it"]);
    const left = await kernel.dump(4);
    assert.match(left, /^-A FORWARD -s 10\.9\.0\.0\/16 -j KUBE-FORWARD$/m);
    assert.doesNotMatch(left, /^-A KUBE-FORWARD|KUBE-SERVICES/m);
  });
}
