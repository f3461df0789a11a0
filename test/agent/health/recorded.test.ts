import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { KubeProxyConfiguration } from "../../../src/agent/config/config.ts";
import { readConfig } from "../../../src/agent/config/read.ts";
import { syncIntervals } from "../../../src/agent/config/sync-intervals.ts";
import { healthAnswers } from "../../../src/agent/health/answers.ts";
import { type HealthCheck, healthCheckAnswer, healthChecks } from "../../../src/agent/health/health-checks.ts";
import { isNodeEligible } from "../../../src/agent/health/node-eligibility.ts";
import { trackProxyHealth } from "../../../src/agent/health/proxy-health.ts";
import type { Answer } from "../../../src/agent/http/answer.ts";
import { openServer } from "../../../src/agent/http/server.ts";
import { metricsAnswers } from "../../../src/agent/metrics/answers.ts";
import { createAgentMetrics } from "../../../src/agent/metrics/agent-metrics.ts";
import { type ClusterSnapshot, snapshotOf } from "../../../src/cluster/state.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { buildModel } from "../../../src/model/build.ts";
import { readNodePortRanges } from "../../../src/modes/node-port-addresses.ts";
import { formatSocketAddr } from "../../../src/net/flow.ts";
import { familyOf, formatIp, type Ip, parseIp, sameIp } from "../../../src/net/ip.ts";
import { parseSocketAddr } from "../../../src/net/parse-socket-addr.ts";
import { readObjects, readScenario, scenarioFolders, withAddresses } from "../../support/recorded-scenario.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";

const test = suite("recorded HTTP answers");

interface RecordedAnswer {
  readonly url: string;
  readonly error?: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface StateFile {
  readonly stages?: Readonly<
    Record<string, { readonly http?: readonly RecordedAnswer[]; readonly listen?: readonly string[] }>
  >;
}

const modes = ["iptables", "nftables"] as const;
type RecordedMode = (typeof modes)[number];
const compared = { answers: 0, refusals: 0, listeners: 0 };

function stateOf(folder: string, mode: RecordedMode): StateFile | undefined {
  const file = join(folder, "expected", `state.${mode}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as StateFile) : undefined;
}

/** A node at one recorded moment: everything in force, and what it would say to whom. */
class Node {
  readonly checks: readonly HealthCheck[];
  private readonly config: KubeProxyConfiguration;
  private readonly snapshot: ClusterSnapshot;
  private readonly health;
  private readonly metrics;

  constructor(config: KubeProxyConfiguration, snapshot: ClusterSnapshot, addresses: readonly string[] | undefined) {
    this.config = config;
    this.snapshot = snapshot;
    const model = withAddresses(buildModel(snapshot, config.hostnameOverride), addresses);
    this.checks = healthChecks(model, readNodePortRanges(config.nodePortAddresses, "nodePortAddresses"));
    this.health = trackProxyHealth({ timeoutMs: syncIntervals(config).healthTimeoutMs, clock: manualClock() });
    for (const family of [4, 6] as const) this.health.updated(family);
    this.metrics = createAgentMetrics({ mode: config.mode, version: "test", clock: manualClock() });
  }

  /** undefined: nothing listens there. */
  async answer(url: string): Promise<Answer | undefined> {
    const [, host = "", path = ""] = /^http:\/\/([^/]+)(\/.*)$/.exec(url) ?? [];
    const { ip, port } = parseSocketAddr(host, "url");
    const question = { method: "GET", path };
    if (port === parseSocketAddr(this.config.healthzBindAddress, "").port) {
      const nodeName = this.config.hostnameOverride;
      const nodeEligible = isNodeEligible(this.snapshot.nodes.find(({ metadata }) => metadata.name === nodeName));
      const source = { health: () => this.health.health(), nodeEligible: () => nodeEligible, answered: () => {} };
      return healthAnswers(source)(question);
    }
    if (port === parseSocketAddr(this.config.metricsBindAddress, "").port) {
      return metricsAnswers({ config: this.config, metrics: this.metrics })(question);
    }
    const check = this.checks.find((one) => one.port === port && listensAt(one, ip));
    return check && healthCheckAnswer(check, this.health.health().healthy);
  }

  /** As the recording lists them. */
  listeners(): readonly string[] {
    return this.checks.flatMap(({ ips, port }) => ips.map((ip) => formatSocketAddr({ ip, port })));
  }
}

function listensAt({ ips, family }: HealthCheck, asked: Ip): boolean {
  if (familyOf(asked) !== family) return false;
  return ips.some((ip) => sameIp(ip, asked) || ["0.0.0.0", "::"].includes(formatIp(ip)));
}

for (const folder of scenarioFolders(inProject("test", "golden", "kube-proxy"))) {
  for (const mode of modes) {
    const state = stateOf(folder, mode);
    const recorded = state?.stages ?? {};
    if (!Object.values(recorded).some(({ http }) => http !== undefined)) continue;
    test(`${basename(folder)}, ${mode}: every URL answers as kube-proxy did, and nothing else listens`, async () => {
      const file = join(folder, "config.yaml");
      const config = readConfig(readFileSync(file, "utf8").replace(/^mode: .*$/m, `mode: ${mode}`), file);
      const { stages, addresses } = readScenario(folder);
      for (const { name, snapshot } of stages) {
        const node = new Node(config, snapshot, addresses);
        const { http = [], listen } = recorded[name] ?? {};
        for (const recorded of http) await assertAnswer(node, recorded);
        if (listen !== undefined) assertListeners(node, listen);
      }
    });
  }
}

async function assertAnswer(node: Node, { url, error, status, headers, body }: RecordedAnswer): Promise<void> {
  const ours = await node.answer(url);
  if (error !== undefined) {
    assert.equal(ours, undefined, `${url} is refused`);
    compared.refusals += 1;
    return;
  }
  assert.ok(ours !== undefined, `${url} answers`);
  const given = Object.entries(ours.headers).map(([name, value]) => [name.toLowerCase(), value]);
  // The recorder left it out where it depends on the decimals of a time.
  const length = "content-length" in headers ? [["content-length", String(Buffer.byteLength(ours.body))]] : [];
  const text = ours.body.replaceAll(/("(?:lastUpdated|currentTime)":)"[^"]+"/g, '$1"<TIME>"');
  assert.deepEqual(
    { status: ours.status, headers: Object.fromEntries([...given, ...length]), body: text },
    { status, headers, body },
  );
  compared.answers += 1;
}

function assertListeners(node: Node, listen: readonly string[]): void {
  const own = new Set(["*:10256", "127.0.0.1:10249"]);
  const recorded = listen.filter((text) => !own.has(text));
  assert.deepEqual(node.listeners().toSorted(), recorded.toSorted());
  compared.listeners += recorded.length;
}

test("every recorded answer was compared", () => {
  console.log(`compared ${JSON.stringify(compared)}`);
  assert.deepEqual(compared, { answers: 39, refusals: 17, listeners: 20 });
});

test("the answers of the behaviours are those of their objects", async () => {
  interface Check {
    readonly check: string;
    readonly iptables: Partial<RecordedAnswer>;
    readonly nftables: Partial<RecordedAnswer>;
  }
  const file = inProject("test", "golden", "behaviours", "behaviours.json");
  const { behaviours } = JSON.parse(readFileSync(file, "utf8")) as {
    behaviours: readonly { readonly name: string; readonly checks: readonly Check[] }[];
  };
  let answers = 0;
  for (const { name, checks } of behaviours) {
    const folder = inProject("test", "golden", "behaviours", name);
    for (const [mode, recorded] of checks.flatMap((check) => modes.map((mode) => [mode, check[mode]] as const))) {
      if (recorded?.url === undefined) continue;
      const text = readFileSync(join(folder, "config.yaml"), "utf8").replace(/^mode: .*$/m, `mode: ${mode}`);
      const node = new Node(readConfig(text, name), snapshotOf(readObjects(join(folder, "objects.yaml"))), undefined);
      await assertAnswer(node, recorded as RecordedAnswer);
      answers += 1;
    }
  }
  assert.equal(answers, 4);
});

test("mode userspace answers as kube-proxy 1.25 did, but for the health server, which is 1.36's in every mode", async () => {
  const folder = inProject("test", "golden", "kube-proxy-userspace", "01-tcp-3-endpoints");
  const config = readConfig(readFileSync(join(folder, "config.yaml"), "utf8"), "config.yaml");
  const node = new Node(config, snapshotOf(readObjects(join(folder, "objects.yaml"))), undefined);
  const recorded = JSON.parse(readFileSync(join(folder, "expected", "http.json"), "utf8")) as readonly RecordedAnswer[];
  const ofMetricsServer = recorded.filter(({ url }) => url.includes(":10249/"));
  assert.equal(ofMetricsServer.length, 2);
  for (const answer of ofMetricsServer) await assertAnswer(node, answer);
});

test("what is answered is served, header by header", async () => {
  const state = stateOf(inProject("test", "golden", "kube-proxy", "001-clusterip-tcp-1ep"), "iptables")!;
  const config = readConfig(
    readFileSync(inProject("test", "golden", "kube-proxy", "001-clusterip-tcp-1ep", "config.yaml"), "utf8"),
    "",
  );
  const { stages } = readScenario(inProject("test", "golden", "kube-proxy", "001-clusterip-tcp-1ep"));
  const node = new Node(config, stages[0]!.snapshot, undefined);
  for (const { url, status, headers, body } of state.stages!["00-initial"]!.http!) {
    const answer = (await node.answer(url))!;
    const server = await openServer({ ip: parseIp("127.0.0.1"), port: 0 }, () => answer);
    const response = await fetch(`http://127.0.0.1:${server.port}${new URL(url).pathname}`);
    const text = await response.text();
    const served = Object.fromEntries(Object.keys(headers).map((name) => [name, response.headers.get(name)]));
    assert.deepEqual([response.status, served], [status, headers], url);
    assert.equal(text.replaceAll(/("(?:lastUpdated|currentTime)":)"[^"]+"/g, '$1"<TIME>"'), body);
    await server.close();
  }
});
