/** A kube-proxy beside the subjects: what becomes of one that is none, that fails, and that asks and is healthy. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec } from "../../../src/host/exec.ts";
import { tryKubeProxy } from "../../../src/lab/kube-api/kube-proxy.ts";
import { suite } from "../../support/suite.ts";
import { smallCluster } from "../small-cluster.ts";

const isRoot = process.getuid?.() === 0 && (await exec(["ip", "netns", "list"]).catch(() => undefined))?.exitCode === 0;
const test = suite("kube-proxy beside the subjects", { timeoutMs: 60_000 });
const folder = mkdtempSync(join(tmpdir(), "sluice-test-kube-proxy-"));
test.after(() => rmSync(folder, { recursive: true }));

/** A program in kube-proxy's place. @param body of what it does when it is to run. */
function standIn(name: string, body: string): string {
  const path = join(folder, name);
  const version = 'if (process.argv.includes("--version")) { console.log("Kubernetes v9.9.9-test"); process.exit(); }';
  const read = 'const flag = (name) => process.argv.find((one) => one.startsWith(`--${name}=`))?.split("=")[1];';
  writeFileSync(path, `#!${process.execPath}\n${version}\n${read}\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

async function tried(path: string, signal?: AbortSignal): Promise<string> {
  const { subject, reason } = await tryKubeProxy({ path, snapshot: smallCluster, nodeName: "node-a", signal });
  assert.equal(subject, "kube-proxy");
  return reason;
}

async function nothingIsLeft(): Promise<void> {
  const { stdout } = await exec(["ip", "netns", "list"]);
  assert.doesNotMatch(stdout, new RegExp(`sluice-kube-proxy-${process.pid}\\b`));
  assert.deepEqual(
    readdirSync(tmpdir()).filter((name) => name.startsWith(`sluice-kube-proxy-${process.pid}-`)),
    [],
  );
}

function check(name: string, body: () => Promise<void>): void {
  if (isRoot) test(name, body);
  else test.skip(name, "no right to make network namespaces");
}

test("a file that does not run is a row that says so", async () => {
  assert.match(await tried(join(folder, "none")), /none does not run/);
});

check("one that fails is a row with its last words, and its namespace is gone", async () => {
  const path = standIn("failing", 'console.error("E1 config\\nF1 cannot do it"); process.exit(1);');
  assert.equal(await tried(path), "kube-proxy does not start: F1 cannot do it");
  await nothingIsLeft();
});

check("one that reads its cluster from the stand-in and is healthy is a row with its time", async () => {
  const path = standIn(
    "healthy",
    `const { readFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { server } = JSON.parse(readFileSync(flag("kubeconfig"), "utf8")).clusters[0].cluster;
(async () => {
  const { items } = await (await fetch(server + "/api/v1/services?resourceVersion=0")).json();
  if (items.length !== 2) throw new Error(items.length + " services");
  const node = await fetch(server + "/api/v1/nodes/" + flag("hostname-override"));
  if (node.status !== 200) throw new Error("no node");
  const [host, port] = flag("healthz-bind-address").split(":");
  createServer((_, response) => response.end("ok")).listen(Number(port), host);
})();`,
  );
  assert.match(await tried(path), /^Kubernetes v9\.9\.9-test had its rules in place after \d+ ms/);
  await nothingIsLeft();
});

check("one that asks as client-go does, by lists that come as watches, is served until it is healthy", async () => {
  const path = standIn(
    "streaming",
    `const { readFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { server } = JSON.parse(readFileSync(flag("kubeconfig"), "utf8")).clusters[0].cluster;
const headers = { accept: "application/vnd.kubernetes.protobuf, application/json" };
const query = "allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&timeout=9m5s&timeoutSeconds=545&watch=true";
async function streamed(path, kind, count) {
  const response = await fetch(server + path + (path.includes("?") ? "&" : "?") + query, { headers });
  if (response.status !== 200 || response.headers.get("content-type") !== "application/json") throw new Error(path + " " + response.status);
  let text = "", added = 0;
  for await (const chunk of response.body) {
    text += Buffer.from(chunk).toString();
    for (let end = text.indexOf("\\n"); end >= 0; end = text.indexOf("\\n")) {
      const { type, object } = JSON.parse(text.slice(0, end));
      text = text.slice(end + 1);
      if (object.kind !== kind) throw new Error(path + ": a " + object.kind);
      if (type === "ADDED") added += 1;
      if (type !== "BOOKMARK") continue;
      if (object.metadata.annotations["k8s.io/initial-events-end"] !== "true") throw new Error(path + ": no end");
      if (added !== count) throw new Error(path + ": " + added + " of " + count);
      return;
    }
  }
  throw new Error(path + " ended");
}
(async () => {
  const mine = "fieldSelector=metadata.name%3D" + flag("hostname-override");
  const labels = "labelSelector=" + encodeURIComponent("!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name");
  await Promise.all([
    streamed("/api/v1/services?" + labels, "Service", 2),
    streamed("/apis/discovery.k8s.io/v1/endpointslices?" + labels, "EndpointSlice", 2),
    streamed("/api/v1/nodes?" + mine, "Node", 1),
    streamed("/apis/networking.k8s.io/v1/servicecidrs", "ServiceCIDR", 0),
  ]);
  const body = JSON.stringify({ metadata: { generateName: "node-a." }, reason: "Starting" });
  const event = { method: "POST", headers: { "content-type": "application/json" }, body };
  const posted = await fetch(server + "/apis/events.k8s.io/v1/namespaces/default/events", event);
  if (posted.status !== 201) throw new Error("event " + posted.status);
  const [host, port] = flag("healthz-bind-address").split(":");
  createServer((_, response) => response.end("ok")).listen(Number(port), host);
})();`,
  );
  assert.match(await tried(path), /^Kubernetes v9\.9\.9-test had its rules in place after \d+ ms/);
  await nothingIsLeft();
});

check("one that is stopped while it starts is a row, and leaves nothing", async () => {
  const path = standIn("waiting", "setInterval(() => {}, 1000);");
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 1500);
  assert.equal(await tried(path, abort.signal), "it was stopped");
  await nothingIsLeft();
});
