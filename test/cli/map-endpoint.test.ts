import assert from "node:assert/strict";
import { unknownMappingsNoted } from "../../src/cli/map-endpoint.ts";
import { snapshotOf } from "../../src/cluster/state.ts";
import { node, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";
import { servicesOf, writeCluster } from "./cluster-file.ts";
import { killAll, runSluice } from "./running-sluice.ts";

const test = suite("--map-endpoint of an unknown endpoint", { timeoutMs: 60_000 });
test.after(killAll);

/** A cluster with these endpoints, at port 8080. */
const cluster = (...endpoints: readonly string[]) => snapshotOf([node(), service(), slice({ endpoints })]);

/** What goes to stderr meanwhile. */
function heard(body: () => void): string[] {
  const { write } = process.stderr;
  const lines: string[] = [];
  process.stderr.write = (text: string | Uint8Array) => lines.push(String(text)) > 0;
  try {
    body();
  } finally {
    process.stderr.write = write;
  }
  return lines;
}

const said = (mapping: string, endpoint: string): string =>
  `sluice: --map-endpoint ${mapping}: the cluster has no endpoint ${endpoint}\n`;

test("a mapping of an endpoint that is there is passed over in silence, with its port or without", () => {
  const look = unknownMappingsNoted(["10.244.0.1=127.0.0.1", "10.244.0.2:8080=127.0.0.1:9"]);
  assert.deepEqual(
    heard(() => look(cluster("10.244.0.1", "10.244.0.2"))),
    [],
  );
  assert.deepEqual(
    heard(() => unknownMappingsNoted()(cluster())),
    [],
  );
});

test("an unknown address, and a known one with an unknown port, are told", () => {
  const look = unknownMappingsNoted(["10.244.0.9=127.0.0.1", "10.244.0.1:81=127.0.0.1", "[fd00::9]:80=127.0.0.1"]);
  assert.deepEqual(
    heard(() => look(cluster("10.244.0.1"))),
    [
      said("10.244.0.9=127.0.0.1", "10.244.0.9"),
      said("10.244.0.1:81=127.0.0.1", "10.244.0.1:81"),
      said("[fd00::9]:80=127.0.0.1", "[fd00::9]:80"),
    ],
  );
});

test("it is told once for as long as the endpoint is missing, and anew when it is lost again", () => {
  const look = unknownMappingsNoted(["10.244.0.1=127.0.0.1"]);
  const lines = [cluster(), cluster(), cluster("10.244.0.1"), cluster(), cluster()].map(
    (state) => heard(() => look(state)).length,
  );
  assert.deepEqual(lines, [1, 0, 0, 1, 0]);
});

test("run says it at the start, and while files are followed with each change that makes it so", async () => {
  const web = (...endpoints: readonly string[]) => servicesOf([{ name: "web", endpoints, endpointPort: 8080 }]);
  const file = writeCluster("mapped.json", web("10.244.0.1"));
  const mappings = ["10.244.0.1=127.0.0.1", "10.244.0.7=127.0.0.1"];
  const run = runSluice(["-f", file, "--watch", "--map-endpoint", ...mappings]);
  await run.said(/--map-endpoint 10\.244\.0\.7=127\.0\.0\.1: the cluster has no endpoint 10\.244\.0\.7$/);
  await run.next();
  writeCluster("mapped.json", web("10.244.0.2"));
  await run.said(/--map-endpoint 10\.244\.0\.1=127\.0\.0\.1: the cluster has no endpoint 10\.244\.0\.1$/);
  await run.next();
  const { exitCode, stderr } = await run.stop();
  assert.equal(exitCode, 0);
  assert.equal(stderr.match(/no endpoint 10\.244\.0\.7$/gm)!.length, 1, stderr);
});
