import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { createServer } from "node:net";
import { createHealthCheckServers, type HealthCheckFailure } from "../../../src/agent/health/health-check-servers.ts";
import type { HealthCheck } from "../../../src/agent/health/health-checks.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { suite } from "../../support/suite.ts";

const test = suite("health check servers");

/** Ports that are free, for as long as nobody else takes one. */
async function freePorts(count: number): Promise<readonly number[]> {
  const probes = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(probes.map((probe) => once(probe, "listening")));
  const ports = probes.map((probe) => (probe.address() as { port: number }).port);
  for (const probe of probes) probe.close();
  await Promise.all(probes.map((probe) => once(probe, "close")));
  return ports;
}

function check(service: string, port: number, localEndpoints: number, ...ips: readonly string[]): HealthCheck {
  const family = ips[0]?.includes(":") === true ? 6 : 4;
  return { family, namespace: "default", service, port, ips: ips.map((ip) => parseIp(ip)), localEndpoints };
}

function start(proxyHealthy = () => true) {
  const failures: HealthCheckFailure[] = [];
  const onFailure = (failure: HealthCheckFailure): void => void failures.push(failure);
  return { failures, servers: createHealthCheckServers({ nodeName: "node-a", proxyHealthy, onFailure }) };
}

function ask(
  host: string,
  port: number,
  path = "/",
  method = "GET",
): Promise<{ status: number; body: string; weight: unknown }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host, port, path, method, agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += String(chunk)));
      const weight = response.headers["x-load-balancing-endpoint-weight"];
      response.on("end", () => resolve({ status: response.statusCode!, body, weight }));
    });
    asked.on("error", reject);
    asked.end();
  });
}

const refused = { code: "ECONNREFUSED" };

test("any path and method is answered with the endpoints that are here now", async () => {
  const [port] = await freePorts(1);
  let healthy = true;
  const { servers, failures } = start(() => healthy);
  await servers.sync([check("web", port!, 2, "127.0.0.1")]);
  const body = (endpoints: number, proxy: boolean): string =>
    `{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": ${endpoints},\n\t"serviceProxyHealthy": ${proxy}\n}`;
  assert.deepEqual(await ask("127.0.0.1", port!, "/any/thing?x", "POST"), {
    status: 200,
    body: body(2, true),
    weight: "2",
  });
  await servers.sync([check("web", port!, 0, "127.0.0.1")]);
  assert.deepEqual(await ask("127.0.0.1", port!), { status: 503, body: body(0, true), weight: "0" });
  await servers.sync([check("web", port!, 1, "127.0.0.1")]);
  healthy = false;
  assert.deepEqual(await ask("127.0.0.1", port!), { status: 503, body: body(1, false), weight: "1" });
  assert.deepEqual(failures, []);
  await servers.close();
});

test("listens at the addresses of its own family alone", async () => {
  const [port] = await freePorts(1);
  const { servers } = start();
  await servers.sync([check("web", port!, 1, "0.0.0.0"), check("web", port!, 0, "::")]);
  assert.equal(servers.open(), 2);
  assert.equal((await ask("127.0.0.1", port!)).status, 200);
  assert.equal((await ask("127.0.0.2", port!)).status, 200);
  assert.equal((await ask("::1", port!)).status, 503);
  await servers.sync([check("web", port!, 1, "127.0.0.2")]);
  await assert.rejects(ask("127.0.0.1", port!), refused);
  await assert.rejects(ask("::1", port!), refused);
  assert.equal((await ask("127.0.0.2", port!)).status, 200);
  await servers.close();
});

test("a service that goes, or changes its port, leaves the one that it had", async () => {
  const [first, second] = await freePorts(2);
  const { servers } = start();
  await servers.sync([check("web", first!, 1, "127.0.0.1")]);
  await servers.sync([check("web", second!, 1, "127.0.0.1")]);
  await assert.rejects(ask("127.0.0.1", first!), refused);
  assert.equal((await ask("127.0.0.1", second!)).status, 200);
  await servers.sync([]);
  await assert.rejects(ask("127.0.0.1", second!), refused);
  assert.equal(servers.open(), 0);
  await servers.close();
});

test("a port goes from one service to another in one sync", async () => {
  const [port] = await freePorts(1);
  const { servers, failures } = start();
  await servers.sync([check("a", port!, 1, "127.0.0.1")]);
  await servers.sync([check("b", port!, 1, "127.0.0.1")]);
  assert.match((await ask("127.0.0.1", port!)).body, /"name": "b"/);
  assert.deepEqual(failures, []);
  await servers.close();
});

test("when one address cannot be had, all of that service are let go, and tried again at the next sync", async () => {
  const [port, other] = await freePorts(2);
  const owner = createServer().listen(port, "127.0.0.3");
  await once(owner, "listening");
  const { servers, failures } = start();
  const checks = [check("web", port!, 1, "127.0.0.1", "127.0.0.3"), check("other", other!, 1, "127.0.0.1")];
  await servers.sync(checks);
  assert.equal(failures.length, 1);
  const { note, ...event } = failures[0]!;
  assert.deepEqual(event, {
    reason: "FailedToStartServiceHealthcheck",
    action: "Listen",
    namespace: "default",
    service: "web",
  });
  assert.match(
    note,
    new RegExp(
      `^node node-a failed to start healthcheck "default/web" on port ${port}: listen 127\\.0\\.0\\.3:${port}: .*EADDRINUSE`,
    ),
  );
  await assert.rejects(ask("127.0.0.1", port!), refused);
  assert.equal((await ask("127.0.0.1", other!)).status, 200);
  await servers.sync(checks);
  assert.equal(failures.length, 2);
  owner.close();
  await once(owner, "close");
  await servers.sync(checks);
  assert.equal(failures.length, 2);
  for (const host of ["127.0.0.1", "127.0.0.3"]) assert.equal((await ask(host, port!)).status, 200);
  await servers.close();
});

test("of two services with one port the first has it; the other is told of, and gets it when the first goes", async () => {
  const [port] = await freePorts(1);
  const { servers, failures } = start();
  const [a, b] = [check("a", port!, 1, "127.0.0.1"), check("b", port!, 0, "127.0.0.1")];
  await servers.sync([a, b]);
  assert.deepEqual(
    failures.map(({ service }) => service),
    ["b"],
  );
  assert.equal((await ask("127.0.0.1", port!)).status, 200);
  await servers.sync([b]);
  assert.equal((await ask("127.0.0.1", port!)).status, 503);
  await servers.close();
});

test("syncs that come at once are carried out one by one, and the last one stands", async () => {
  const [port] = await freePorts(1);
  const { servers, failures } = start();
  await Promise.all(
    [1, 0, 2, 3].map((endpoints) => servers.sync(endpoints === 0 ? [] : [check("web", port!, endpoints, "127.0.0.1")])),
  );
  assert.equal((await ask("127.0.0.1", port!)).weight, "3");
  assert.deepEqual(failures, []);
  await servers.close();
  await servers.close();
  await assert.rejects(ask("127.0.0.1", port!), refused);
});
