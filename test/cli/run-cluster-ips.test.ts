import assert from "node:assert/strict";
import { openNamespace } from "../support/namespace.ts";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";
import { nodeNamed, servicesOf, writeCluster } from "./cluster-file.ts";
import { killAll, listensAt, runSluice } from "./running-sluice.ts";

const NODE = "node-a";
const web = { name: "web", clusterIp: "10.96.0.10", endpoints: ["127.0.0.1"], endpointPort: 9 };
const six = { name: "six", clusterIp: "fd00:10:96::10", endpoints: ["::1"], endpointPort: 9 };
const api = { name: "api", clusterIp: "10.96.0.11", endpoints: ["127.0.0.1"], endpointPort: 9 };
const both = ["10.96.0.10", "fd00:10:96::10"];

// A suite starts at the first await behind it.
const namespace = await openNamespace(`sluice-cli-${process.pid}`);
const test = suite("sluice run --bind cluster-ips", { timeoutMs: 60_000, sampled: 2 });

const args = (file: string, node = NODE): string[] => {
  const which = node === "" ? [] : ["--hostname-override", node];
  return ["-f", file, "--bind", "cluster-ips", "--mode", "ipvs", ...which];
};

if (typeof namespace === "string") test.skip("everything", namespace);
else {
  const { run, through, localAddresses } = namespace;
  const services = [nodeNamed(NODE, ["192.168.10.5"]), ...servicesOf([web, six])];
  const file = writeCluster("cluster-ips.json", services);

  test.after(async () => {
    killAll();
    await namespace.close();
  });
  test.afterEach(async () => assert.deepEqual(await localAddresses(), []));

  test("a second run is refused with 4, and takes nothing away from the first", async () => {
    const first = runSluice(args(file), through);
    assert.equal(listensAt(await first.next(), "default/web:main"), "10.96.0.10:80");
    assert.deepEqual(await localAddresses(), both);
    const second = await sluice(["run", ...args(file)], "", through);
    assert.equal(second.exitCode, 4, second.stderr);
    assert.match(second.stderr, /another sluice serves cluster IPs in this network namespace/);
    assert.deepEqual(await localAddresses(), both);
    assert.equal((await first.stop()).exitCode, 0);
  });

  test("what a killed run has left, IPv4 and IPv6, is taken over by the next one, or removed", async () => {
    const killed = runSluice(args(file), through);
    await killed.next();
    await killed.stop("SIGKILL");
    assert.deepEqual(await localAddresses(), both);
    const next = runSluice(args(writeCluster("next.json", [nodeNamed(NODE), ...servicesOf([api, six])])), through);
    await next.next();
    assert.deepEqual(await localAddresses(), ["10.96.0.11", "fd00:10:96::10"]);
    assert.equal((await next.stop()).exitCode, 0);
  });

  test("an address that others have removed does not keep it from removing the rest, and it ends with 0", async () => {
    const one = runSluice(args(file), through);
    await one.next();
    await run("ip", "route", "del", "local", "10.96.0.10/32", "dev", "lo");
    const { exitCode, stderr } = await one.stop();
    assert.equal(exitCode, 0, stderr);
  });

  test("a run that fails takes away what it added, and nothing else", async () => {
    await run("ip", "address", "add", "10.96.0.10/32", "dev", "lo");
    const busy = runSluice(["-f", file, "--mode", "ipvs", "--listen", "default/web:main=10.96.0.10:80"], through);
    await busy.next();
    const failed = await sluice(["run", ...args(file)], "", through);
    assert.equal(failed.exitCode, 4, failed.stderr);
    assert.match(failed.stderr, /default\/web:main: .*EADDRINUSE/);
    assert.deepEqual(await localAddresses(), ["10.96.0.10"]);
    await busy.stop();
    await run("ip", "address", "del", "10.96.0.10/32", "dev", "lo");
  });

  test("external and node addresses are bound where they are local, and never made so", async () => {
    const spec = { type: "NodePort", externalIPs: ["203.0.113.5", "203.0.113.6"] };
    const ports = { ports: [{ name: "main", port: 80, nodePort: 30_080 }] };
    const outside = servicesOf([{ ...web, spec: { ...spec, ...ports } }]);
    await run("ip", "address", "add", "203.0.113.5/32", "dev", "lo");
    const cluster = writeCluster("outside.json", [nodeNamed(NODE, ["192.168.10.5"]), ...outside]);
    const one = runSluice(args(cluster), through);
    const { listeners } = await one.next();
    assert.deepEqual(
      listeners.map(({ kind, listensAt: at, reason }) => [kind, at ?? reason]),
      [
        ["cluster-ip", "10.96.0.10:80"],
        ["external-ip", "203.0.113.5:80"],
        ["external-ip", "203.0.113.6 is not an address of this host"],
        ["node-port", "192.168.10.5 is not an address of this host"],
      ],
    );
    assert.deepEqual(await localAddresses(), ["10.96.0.10", "203.0.113.5"]);
    assert.equal((await one.stop()).exitCode, 0);
    assert.deepEqual(await localAddresses(), ["203.0.113.5"]);
    await run("ip", "address", "del", "203.0.113.5/32", "dev", "lo");
  });

  test("a Node that was guessed is no ground to change a host on: exit code 2", async () => {
    const { exitCode, stderr } = await sluice(["run", ...args(file, "")], "", through);
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, /--hostname-override: expected the Node that this host is/);
  });

  test("a state in which the Node would have to be guessed is not followed", async () => {
    const cluster = writeCluster("guess.json", servicesOf([web]));
    const one = runSluice([...args(cluster, ""), "--watch"], through);
    await one.next();
    writeCluster("guess.json", [nodeNamed("somebody-else"), ...servicesOf([web, api])]);
    await one.said(/not applied, the state before stays in force: --hostname-override/);
    assert.deepEqual(await localAddresses(), ["10.96.0.10"]);
    assert.equal((await one.stop()).exitCode, 0);
  });

  for (const signals of [1, 2]) {
    test(`${signals === 1 ? "a signal" : "a second signal"} leaves no address behind`, async () => {
      const one = runSluice(args(file), through);
      await one.next();
      for (let n = 1; n < signals; n += 1) one.child.kill("SIGINT");
      assert.equal((await one.stop("SIGHUP")).exitCode, 0);
    });
  }
}
