/** A kube-proxy as a subject: what becomes of one that is none, that fails, and that asks, programs and is measured. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planNode } from "../../../src/agent/plan.ts";
import { isSluiceError } from "../../../src/core/errors.ts";
import { execOk } from "../../../src/host/exec.ts";
import { createNetns } from "../../../src/host/netns.ts";
import { runBench } from "../../../src/lab/bench.ts";
import { createKubeProxySubject } from "../../../src/lab/kube-api/kube-proxy.ts";
import type { BenchOptions } from "../../../src/lab/options.ts";
import type { BenchResult } from "../../../src/measure/result.ts";
import { buildModel } from "../../../src/model/build.ts";
import { compileProgram } from "../../../src/modes/compile.ts";
import { obstacleTo } from "../../support/obstacle.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";
import { smallCluster } from "../small-cluster.ts";

const lacking = await obstacleTo("ip netns list && iptables-save -t nat && socat -V");
const test = suite("kube-proxy as a subject", { timeoutMs: 60_000 });
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

/** Starts one in a namespace of its own, and ends it. @returns what it is, or what became of it. */
async function tried(path: string, signal?: AbortSignal): Promise<string> {
  const space = await createNetns(`sluice-test-kube-proxy-${process.pid}`);
  const shown = { snapshot: smallCluster, nodeName: "node-a", programs: {} };
  try {
    await execOk(["ip", "-n", space.name, "link", "set", "lo", "up"]);
    const subject = createKubeProxySubject(space.name, { path, ...shown, signal });
    try {
      const model = buildModel(smallCluster, "node-a");
      await subject.apply(compileProgram("iptables", model), planNode(model, "iptables"));
      const { engine, listeners } = await subject.status();
      assert.ok(listeners.some(({ frontend, at }) => frontend.kind === "cluster-ip" && at === frontend.addr));
      return engine;
    } finally {
      await subject.close();
    }
  } catch (error) {
    if (isSluiceError(error, "DATAPLANE_FAILED")) return error.message;
    throw error;
  } finally {
    await space.close();
    assert.deepEqual(
      readdirSync(tmpdir()).filter((name) => name.startsWith(`sluice-kube-proxy-${process.pid}-`)),
      [],
    );
  }
}

function check(name: string, body: () => Promise<void>): void {
  if (lacking === undefined) test(name, body);
  else test.skip(name, lacking);
}

const measure = (options: Partial<BenchOptions>, slices = 24): Promise<BenchResult> => {
  const enough = new AbortController();
  return runBench({
    snapshot: smallCluster,
    nodeName: "node-a",
    seed: 4,
    workers: 1,
    subjects: [],
    works: ["tcp-connect-request-close"],
    budgetMs: 30_000,
    signal: enough.signal,
    onProgress: ({ done }) => {
      if (done >= slices) enough.abort();
    },
    ...options,
  });
};

test("a file that does not run is a row that says so; the others are measured", async () => {
  const path = join(folder, "none");
  const { unmeasured, subjects } = await measure({ kubeProxy: path }, 4);
  assert.deepEqual(unmeasured, [{ subject: "kube-proxy", reason: `${path} does not run` }]);
  assert.equal(subjects.length, 2);
});

test("plans whose cluster changes, or is made, take none", async () => {
  const refused = (options: Partial<BenchOptions>, said: RegExp): Promise<void> =>
    assert.rejects(measure({ kubeProxy: "kube-proxy", ...options }), said);
  await refused({ kind: "faults" }, /kubeProxy: expected none in a plan of faults/);
  await refused({ services: [10], works: ["tcp-connect"] }, /kubeProxy: expected none where services are numbered/);
});

check("one that fails says its last words", async () => {
  const path = standIn("failing", 'console.error("E1 config\\nF1 cannot do it"); process.exit(1);');
  assert.equal(await tried(path), "kube-proxy does not start: F1 cannot do it");
});

/** Programs the kernel as a kube-proxy does, by the objects that the API server tells, and is healthy then. */
const programming = `const { readFileSync, writeFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { spawnSync } = require("node:child_process");
const { server } = JSON.parse(readFileSync(flag("kubeconfig"), "utf8")).clusters[0].cluster;
const listed = async (path, apiVersion, kind) =>
  (await (await fetch(server + path + "?resourceVersion=0")).json()).items.map((one) => ({ apiVersion, kind, ...one }));
(async () => {
  const items = [
    ...(await listed("/api/v1/services", "v1", "Service")),
    ...(await listed("/apis/discovery.k8s.io/v1/endpointslices", "discovery.k8s.io/v1", "EndpointSlice")),
    await (await fetch(server + "/api/v1/nodes/" + flag("hostname-override"))).json(),
  ];
  const file = flag("kubeconfig") + ".objects";
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  const args = ["--dataplane", "kernel", "--mode", flag("proxy-mode"), "--once", "-f", file];
  const named = ["--hostname-override", flag("hostname-override")];
  const { status, stderr } = spawnSync(process.execPath, [MAIN, "run", ...args, ...named], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const [host, port] = flag("healthz-bind-address").split(":");
  createServer((_, response) => response.end("ok")).listen(Number(port), host);
})();`.replace("MAIN", JSON.stringify(inProject("dist", "cli", "main.js")));

check("one that programs its kernel is measured beside peers and our own rules", async () => {
  const path = standIn("programming", programming);
  const { cells, failures, unmeasured, subjects, environment } = await measure({
    kubeProxy: path,
    subjects: ["iptables@kernel", "socat"],
  });
  assert.deepEqual([failures, unmeasured], [[], []]);
  const names = ["direct", "direct-again", "iptables@kernel", "socat", "kube-proxy"];
  assert.deepEqual(
    subjects.map(({ subject }) => subject),
    names,
  );
  for (const { subject, rate, distribution } of cells) {
    assert.ok(rate.value! > 0, `${subject} did nothing`);
    const idle = distribution.counts.values.filter((count) => count === 0).length;
    assert.equal(idle, subject === "socat" ? distribution.counts.values.length - 1 : 0, subject);
  }
  assert.match(
    subjects.at(-1)!.what,
    /kube-proxy dataplane, .*Kubernetes v9\.9\.9-test, its rules in place after \d+ ms/,
  );
  assert.match(environment.engine, /Kubernetes v9\.9\.9-test/);
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
  assert.match(await tried(path), /^kernel: Kubernetes v9\.9\.9-test, its rules in place after \d+ ms/);
});

check("one that is stopped while it starts says so", async () => {
  const path = standIn("waiting", "setInterval(() => {}, 1000);");
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 1500);
  assert.equal(await tried(path, abort.signal), "it was stopped");
});
