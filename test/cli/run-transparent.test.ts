import assert from "node:assert/strict";
import { type RunningCommand, startCommand } from "../../src/host/exec.ts";
import { openNamespace } from "../support/namespace.ts";
import { obstacleTo } from "../support/obstacle.ts";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";
import { servicesOf, writeCluster } from "./cluster-file.ts";
import { killAll, runSluice } from "./running-sluice.ts";

const redirect = "-t nat -A OUTPUT -p tcp -d 10.96.0.0/16 -j REDIRECT --to-ports 15001";
const obstacle = await obstacleTo(`iptables -w ${redirect}`);
const namespace = obstacle ?? (await openNamespace(`sluice-transparent-${process.pid}`));
const test = suite("sluice run --transparent", { timeoutMs: 60_000, sampled: 2 });

/** Endpoints that say who they are and end. */
const ENDPOINTS = `
  const { createServer } = require("node:net");
  for (const [name, port] of [["web", 8001], ["api", 8002]]) {
    const server = createServer((socket) => socket.on("error", () => {}).end(name));
    server.listen(port, "127.0.0.1", () => console.log(name));
  }`;
/** Prints what comes, or why nothing does. */
const CLIENT = `
  const [host, port] = process.argv.slice(1);
  require("node:net").connect(Number(port), host)
    .on("error", ({ code }) => process.stdout.write(code))
    .pipe(process.stdout);`;

const web = { name: "web", clusterIp: "10.96.0.10", endpoints: ["127.0.0.1"], endpointPort: 8001 };
const api = { name: "api", clusterIp: "10.96.0.11", port: 443, endpoints: ["127.0.0.1"], endpointPort: 8002 };
const file = writeCluster("transparent.json", servicesOf([web, api]));

for (const [wrong, expected] of [
  ["15001", "ADDRESS:PORT, with an IPv6 address in brackets"],
  ["127.0.0.1:0", "ADDRESS:PORT, with an IPv6 address in brackets"],
] as const) {
  test(`${wrong} is refused with 2`, async () => {
    const { exitCode, stderr } = await sluice(["run", "-f", file, "--transparent", wrong]);
    assert.equal(exitCode, 2, stderr);
    assert.ok(stderr.includes(`--transparent: expected ${expected}`), stderr);
  });
}

test("one address twice, and a dataplane that would not look at it, are refused with 2", async () => {
  const at = ["--transparent", "127.0.0.1:15001"];
  const twice = await sluice(["run", "-f", file, ...at, ...at]);
  assert.equal(twice.exitCode, 2, twice.stderr);
  assert.match(twice.stderr, /transparent: expected each address once/);
  const kernel = await sluice(["run", "-f", file, "--dataplane", "kernel", ...at]);
  assert.equal(kernel.exitCode, 2, kernel.stderr);
  assert.match(kernel.stderr, /--transparent: expected only with --dataplane workers/);
});

if (typeof namespace === "string") test.skip("connections that real rules redirect", namespace);
else {
  const { run, through } = namespace;
  const client = (host: string, port: number): Promise<string> => run(process.execPath, "-e", CLIENT, host, `${port}`);

  let endpoints: RunningCommand | undefined;
  test.before(async () => {
    // Where nothing is redirected nothing answers: the network ends at a link of its own.
    await run("ip", "link", "add", "net", "type", "veth", "peer", "name", "far");
    await run("ip", "address", "add", "192.0.2.1/24", "dev", "net");
    for (const link of ["far", "net"]) await run("ip", "link", "set", link, "up");
    await run("ip", "route", "add", "10.96.0.0/16", "dev", "net");
    await run("iptables", "-w", ...redirect.split(" "));
    await new Promise<void>((ready) => {
      let said = "";
      const onStdout = (text: string): void => {
        said += text;
        if (said.includes("web") && said.includes("api")) ready();
      };
      endpoints = startCommand([...through, process.execPath, "-e", ENDPOINTS], { onStdout });
    });
  });
  test.after(async () => {
    killAll();
    await endpoints?.stop();
    await namespace.close();
  });

  for (const engine of ["native", "node"]) {
    test(`${engine} engine: every service is reached at its own address through one port`, async () => {
      const one = runSluice(["-f", file, "--engine", engine, "--transparent", "127.0.0.1:15001"], through);
      const { listeners } = await one.next();
      const { listensAt, address, protocol } = listeners.find(({ kind }) => kind === "transparent")!;
      assert.deepEqual(
        { listensAt, address, protocol, count: listeners.length },
        { listensAt: "127.0.0.1:15001", address: "127.0.0.1:15001", protocol: "tcp", count: 3 },
      );
      assert.equal(await client("10.96.0.10", 80), "web");
      assert.equal(await client("10.96.0.11", 443), "api");
      // No service: refused as the mode's reject does.
      assert.equal(await client("10.96.0.10", 443), "ECONNRESET");
      const { exitCode, stderr } = await one.stop();
      assert.equal(exitCode, 0, stderr);
      // With nobody there the rule leads nowhere.
      assert.equal(await client("10.96.0.10", 80), "ECONNREFUSED");
    });
  }
}
