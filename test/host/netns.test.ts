/** What is asked of the host, in network namespaces of the test's own. */
import assert from "node:assert/strict";
import { isSluiceError } from "../../src/core/errors.ts";
import { execOk } from "../../src/host/exec.ts";
import { findIptables, hasIptables } from "../../src/host/iptables.ts";
import { makeCounters } from "../../src/host/nfacct.ts";
import { createNetns, inNetns, type Netns } from "../../src/host/netns.ts";
import { SERVICE_MARK } from "../../src/host/own-addresses.ts";
import { setSysctls } from "../../src/host/sysctl.ts";
import { suite } from "../support/suite.ts";

/** @returns why this host cannot make a namespace, where it cannot. */
async function obstacle(): Promise<string | undefined> {
  try {
    const netns = await createNetns(`sluice-test-${process.pid}`);
    await execOk(
      inNetns(netns.name, ["sh", "-c", "nfacct list && iptables-nft --version && iptables-legacy --version"]),
    );
    await netns.close();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const missing = await obstacle();
const test = suite("the host");

let made = 0;
function inHost(name: string, body: (netns: Netns) => Promise<void>): void {
  if (missing !== undefined) {
    test.skip(name, missing);
    return;
  }
  test(name, async () => {
    made += 1;
    const netns = await createNetns(`sluice-test-${process.pid}-${made}`);
    try {
      await body(netns);
    } finally {
      await netns.close();
    }
  });
}

test("without a namespace a command is as it was", () => {
  assert.deepEqual(inNetns(undefined, ["cat", "x"]), ["cat", "x"]);
  assert.deepEqual(inNetns("n", ["cat", "x"]), ["ip", "netns", "exec", "n", "cat", "x"]);
});

inHost("a namespace is empty, and gone once it is closed, however often", async ({ name }) => {
  const other = await createNetns(`${name}-other`);
  const links = await execOk(inNetns(other.name, ["ip", "-o", "link"]));
  assert.match(links, /^1: lo: <LOOPBACK>/);
  assert.equal(links.trim().split("\n").length, 1);
  await assert.rejects(createNetns(other.name), (error) => isSluiceError(error, "COMMAND_FAILED"));
  await other.close();
  await other.close();
  assert.doesNotMatch(await execOk(["ip", "netns", "list"]), new RegExp(`^${other.name}\\b`, "m"));
});

inHost("a setting is written where it is different, in its namespace alone", async ({ name }) => {
  const path = "net/ipv4/conf/all/route_localnet";
  const own = await execOk(["cat", `/proc/sys/${path}`]);
  const setting = { path, value: 1 };
  assert.deepEqual(await setSysctls([setting], name), [setting]);
  assert.deepEqual(await setSysctls([setting], name), []);
  assert.equal(await execOk(["cat", `/proc/sys/${path}`]), own);
  await assert.rejects(setSysctls([{ path: "net/ipv4/nothing", value: 1 }], name), (error) =>
    isSluiceError(error, "COMMAND_FAILED"),
  );
});

inHost("counters are made once, and those that are there are left", async ({ name }) => {
  await makeCounters(["sluice_a"], name);
  await makeCounters(["sluice_a", "sluice_b"], name);
  const listed = await execOk(inNetns(name, ["nfacct", "list"]));
  assert.deepEqual([...listed.matchAll(/= (\S+);/g)].map(([, counter]) => counter).toSorted(), [
    "sluice_a",
    "sluice_b",
  ]);
});

inHost("iptables is found by family and variant, and says which it is", async ({ name }) => {
  const four = await findIptables(4, "nf_tables", name);
  assert.equal(four.variant, "nf_tables");
  assert.match(four.version, /^\d+\.\d+\.\d+$/);
  assert.deepEqual(
    [four.command, four.save, four.restore],
    ["iptables-nft", "iptables-nft-save", "iptables-nft-restore"],
  );
  const six = await findIptables(6, "legacy", name);
  assert.deepEqual([six.variant, six.command], ["legacy", "ip6tables-legacy"]);
  const own = await findIptables(4, undefined, name);
  assert.deepEqual([own.command, own.save, own.restore], ["iptables", "iptables-save", "iptables-restore"]);
});

inHost(
  "a host's addresses are those of all interfaces, be they down, without a carrier or loopback",
  async ({ name }) => {
    const lines = [
      "link set lo up",
      "link add cni0 type bridge",
      "link set cni0 up",
      "address add 10.244.1.1/24 dev cni0",
      "link add eth0 type bridge",
      "address add 192.168.10.5/24 dev eth0",
      "address add 203.0.113.7/32 dev lo",
      "address add fd00::7/128 dev lo",
      `address add fd00:96::10/128 dev lo metric ${SERVICE_MARK}`,
      "link add kube-ipvs0 type bridge",
      "address add 10.96.0.10/32 dev kube-ipvs0",
    ];
    await execOk(inNetns(name, ["ip", "-batch", "-"]), { input: `${lines.join("\n")}\n` });
    const own = JSON.stringify(new URL("../../src/host/own-addresses.js", import.meta.url));
    const ip = JSON.stringify(new URL("../../src/net/ip.js", import.meta.url));
    const program = `
    const { ownAddresses } = await import(${own});
    const { formatIp } = await import(${ip});
    console.log(ownAddresses().map(formatIp).sort().join(" "));`;
    const told = await execOk(inNetns(name, [process.execPath, "--input-type=module", "--eval", program]));
    assert.equal(told.trim(), "10.244.1.1 192.168.10.5 203.0.113.7 fd00::7");
  },
);

inHost("a host without iptables is unable, and says so", async () => {
  const gone = "sluice-test-gone";
  await assert.rejects(findIptables(4, undefined, gone), (error) => isSluiceError(error, "HOST_UNABLE"));
  assert.equal(await hasIptables(undefined, gone), false);
  assert.equal(await hasIptables("legacy"), true);
});
