import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { hostname } from "node:os";
import { execOk } from "../../src/host/exec.ts";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";
import { nodeNamed, servicesOf, temporaryPath, writeCluster } from "./cluster-file.ts";
import { ask, killAll, listensAt, runSluice } from "./running-sluice.ts";

const test = suite("sluice run --watch", { timeoutMs: 60_000, sampled: 2 });
const servers: Server[] = [];

/** A server on loopback that answers with its name. @returns its port. */
async function backend(name: string): Promise<number> {
  const server = createServer((socket) => socket.on("error", () => {}).end(name));
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** The service `web` with these endpoints, and the like. */
const web = (endpointPort: number, ...endpoints: readonly string[]) =>
  servicesOf([{ name: "web", endpoints, endpointPort }]);
const api = (endpointPort: number, ...endpoints: readonly string[]) =>
  servicesOf([{ name: "api", clusterIp: "10.96.0.10", endpoints, endpointPort }]);

test.after(() => {
  killAll();
  for (const server of servers) server.close();
});

test("what could not be applied is tried again until it can be, and both are said", async () => {
  const port = await backend("web");
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const at = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
  const file = writeCluster("retry.json", api(port, "127.0.0.1"));
  const run = runSluice(["-f", file, "--watch", "--listen", `default/web:main=${at}`]);
  await run.said(/--listen default\/web:main: not there yet/);
  const before = await run.next();

  writeCluster("retry.json", [...api(port, "127.0.0.1"), ...web(port, "127.0.0.1")]);
  const line = await run.said(/not applied, the state before stays in force/);
  assert.match(line, /default\/web:main: .*EADDRINUSE.*; next attempt in 1 s$/);
  assert.equal(await ask(listensAt(before, "default/api:main")), "web");
  taken.close();
  assert.match(
    await run.said(/: applied/),
    /applied, after \d failed attempts?: 1 service port changed: default\/web:main added \+1 endpoint$/,
  );
  assert.equal(listensAt(await run.next(), "default/web:main"), at);
  assert.equal(await ask(at), "web");
  assert.equal((await run.stop()).exitCode, 0);
});

test("each change is told in a line, in the mode userspace too", async () => {
  for (const mode of ["iptables", "userspace"]) {
    const file = writeCluster(`told-${mode}.json`, [...web(80, "127.0.0.2", "127.0.0.3"), ...api(80, "127.0.0.2")]);
    const run = runSluice(["-f", file, "--watch", "--mode", mode]);
    await run.next();
    writeCluster(`told-${mode}.json`, web(80, "127.0.0.3", "127.0.0.4", "127.0.0.5"));
    assert.match(
      await run.said(/: applied/),
      /applied: 2 service ports changed: default\/api:main removed -1 endpoint; default\/web:main \+2 endpoints -1 endpoint$/,
    );
    assert.equal((await run.stop()).exitCode, 0);
  }
});

test("a file that is broken or emptied for a while changes nothing, and its end is told", async () => {
  const port = await backend("still");
  const file = writeCluster("broken.json", web(port, "127.0.0.1"));
  const run = runSluice(["-f", file, "--watch"]);
  const at = listensAt(await run.next(), "default/web:main");
  writeFileSync(file, "{");
  await run.said(/not loaded, the state before stays in force: .*broken\.json:1:/);
  assert.equal(await ask(at), "still");
  writeCluster("broken.json", web(port, "127.0.0.1"));
  await run.said(/loaded again: the input is good/);
  writeFileSync(file, "");
  await run.said(/not loaded, the state before stays in force: .*broken\.json: empty, and was not before/);
  assert.equal(await ask(at), "still");
  writeCluster("broken.json", []);
  await run.said(/loaded again/);
  await run.said(/no Service in the input/);
  await run.said(/applied: 1 service port changed: default\/web:main removed/);
  assert.deepEqual((await run.next()).listeners, []);
  assert.equal(await ask(at), "ECONNREFUSED");
  assert.equal((await run.stop()).exitCode, 0);
});

test("which Node this host is, is looked up in every new state", async () => {
  const local = { spec: { internalTrafficPolicy: "Local" } };
  const services = servicesOf([{ name: "web", endpoints: ["127.0.0.1"], endpointPort: await backend("x"), ...local }]);
  const file = writeCluster("node.json", [nodeNamed("elsewhere"), ...services]);
  const run = runSluice(["-f", file, "--watch", "--mode", "iptables"]);
  await run.said(/looking at the cluster as elsewhere/);
  await run.next();
  const own = hostname().trim().toLowerCase();
  writeCluster("node.json", [nodeNamed("elsewhere"), nodeNamed(own), ...services]);
  const line = await run.said(/this host is now/);
  assert.ok(line.endsWith(`this host is now the Node ${own}, no longer the Node elsewhere`), line);
  await run.said(/applied: no service port changed/);
  writeCluster("node.json", [nodeNamed("elsewhere"), ...services]);
  await run.said(/this host is now the Node elsewhere, no longer/);
  await run.said(/looking at the cluster as elsewhere/);
  assert.equal((await run.stop()).exitCode, 0);
});

test("what can be read but once is refused before anything listens, and is not opened", async () => {
  const pipe = temporaryPath("pipe.yaml");
  await execOk(["mkfifo", pipe]);
  const { exitCode, stdout, stderr } = await sluice(["run", "--watch", "-f", pipe]);
  assert.equal(exitCode, 2, stderr);
  assert.match(stderr, /pipe\.yaml: neither a regular file nor a folder, so it cannot be followed/);
  assert.equal(stdout, "");
});

test("input without a Service is told by every command", async () => {
  const file = writeCluster("none.json", [nodeNamed("node-a")]);
  assert.match((await sluice(["render", "-f", file])).stderr, /no Service in the input/);
});
