import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";
import { sluice, startSluice } from "./cli.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-cli-"));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const broken = file(
  "broken.yaml",
  `apiVersion: v1
kind: Service
metadata: { name: good }
spec: { clusterIP: 10.96.0.1, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: bad }
spec:
  clusterIP: 10.96.0.2
  ports:
  - port: http
`,
);
const foreign = file(
  "foreign.yaml",
  "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n---\napiVersion: v1\nkind: Pod\n",
);

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly exitCode: number;
  readonly stderr: RegExp;
}

const cases: readonly Case[] = [
  { name: "no command", args: [], exitCode: 2, stderr: /which command/ },
  { name: "an unknown command", args: ["rendr"], exitCode: 2, stderr: /render/ },
  { name: "an unknown option", args: ["render", "--modus", "ipvs"], exitCode: 2, stderr: /modus/ },
  { name: "a mode that is not there", args: ["render", "--mode", "ebpf"], exitCode: 2, stderr: /"?ebpf/ },
  {
    name: "a number that is none",
    args: ["bench", "--workers", "many"],
    exitCode: 2,
    stderr: /--workers: .*1…64.*many/,
  },
  { name: "a number out of range", args: ["bench", "--seed", "-1"], exitCode: 2, stderr: /seed/ },
  {
    name: "a port that is none, in the second of two documents",
    args: ["render", "-f", broken],
    exitCode: 2,
    stderr: /broken\.yaml:12:11: spec\.ports\[0\]\.port: expected .*1…65535.*http/,
  },
  { name: "a file that is not there", args: ["render", "-f", "/nowhere.yaml"], exitCode: 2, stderr: /\/nowhere\.yaml/ },
  {
    name: "an address that is none",
    args: ["trace", "--from", "10.0.0", "--to", "10.96.0.1:80"],
    exitCode: 2,
    stderr: /--from/,
  },
  { name: "no port to go to", args: ["trace", "--from", "10.0.0.1", "--to", "10.96.0.1"], exitCode: 2, stderr: /--to/ },
  {
    name: "a protocol that is none",
    args: ["trace", "--from", "10.0.0.1", "--to", "10.96.0.1:80/icmp"],
    exitCode: 2,
    stderr: /--to.*icmp/,
  },
  { name: "a listener without an address", args: ["run", "--listen", "default/web"], exitCode: 2, stderr: /--listen/ },
  {
    name: "a mapping that is none",
    args: ["run", "--map-endpoint", "10.0.0.1"],
    exitCode: 2,
    stderr: /--map-endpoint/,
  },
  { name: "a subject that is none", args: ["bench", "--subjects", "ebpf"], exitCode: 2, stderr: /subjects.*ebpf/ },
  { name: "a service that is none", args: ["bench", "--service", "a/b"], exitCode: 2, stderr: /a\/b/ },
  {
    name: "an address given twice",
    args: ["trace", "--from", "10.0.0.1", "--from", "10.0.0.2", "--to", "10.96.0.1:80"],
    exitCode: 2,
    stderr: /--from: expected it once/,
  },
  {
    name: "a name given twice",
    args: ["render", "--hostname-override", "a", "--hostname-override", "b"],
    exitCode: 2,
    stderr: /--hostname-override/,
  },
  {
    name: "a listener for no service port",
    args: ["run", "--listen", "default/nobody:80=127.0.0.1:1"],
    exitCode: 2,
    stderr: /--listen: .*default\/nobody:80/,
  },
  {
    name: "a listener named twice",
    args: ["run", "--listen", "default/frontend:http=127.0.0.1:18091", "default/frontend:80=127.0.0.1:18092"],
    exitCode: 2,
    stderr: /--listen: .*once/,
  },
  {
    name: "standard input that is to be followed",
    args: ["run", "-f", "-", "--watch"],
    exitCode: 2,
    stderr: /--watch/,
  },
  {
    name: "a result that cannot be written",
    args: ["bench", "--out", "/dev/null/result.json"],
    exitCode: 4,
    stderr: /cannot write \/dev\/null\/result\.json/,
  },
  { name: "a budget that is too small", args: ["bench", "--budget-seconds", "1"], exitCode: 2, stderr: /budget/ },
];

const test = suite("command line", { timeoutMs: 60_000, sampled: 4 });

test.after(() => rmSync(folder, { recursive: true, force: true }));

for (const { name, args, exitCode, stderr } of cases) {
  test(`${name}: exit code ${exitCode}, and says what is wrong`, async () => {
    const result = await sluice(args);
    assert.match(result.stderr, stderr);
    assert.equal(result.exitCode, exitCode, result.stderr);
    assert.equal(result.stdout, "");
    assert.doesNotMatch(result.stderr, /\n\s+at /, "a stack trace is not for users");
  });
}

test("kinds that no node's proxy reads are counted and named on stderr", async () => {
  const { exitCode, stderr } = await sluice(["render", "--mode", "ipvs", "-f", foreign]);
  assert.equal(exitCode, 0, stderr);
  assert.match(stderr, /1 ConfigMap/);
  assert.match(stderr, /1 Pod/);
});

test("a reader that goes away is no failure", async () => {
  const child = startSluice(["render", "--mode", "iptables"]);
  child.stdout!.destroy();
  const stderr: string[] = [];
  child.stderr!.on("data", (chunk) => stderr.push(String(chunk)));
  const [exitCode] = (await once(child, "close")) as [number | null];
  assert.equal(exitCode, 0, stderr.join(""));
  assert.doesNotMatch(stderr.join(""), /EPIPE|\n\s+at /);
});

test("help names every command and no other", async () => {
  const { exitCode, stdout } = await sluice(["--help"]);
  assert.equal(exitCode, 0);
  assert.deepEqual(
    [...stdout.matchAll(/^ {2}sluice (\w+)/gm)].map(([, command]) => command),
    ["bench", "run", "render", "trace", "conformance", "cleanup"],
  );
});

test("without -f the cluster is the example that ships with the package", async () => {
  const { exitCode, stdout } = await sluice(["render", "--mode", "ipvs", "--hostname-override", "node-a1"]);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^-A -t 10\.96\.67\.70:7070 -s rr$/m);
});

test("a cluster comes from standard input, and who we are is said where it was guessed", async () => {
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web" },
    spec: { clusterIP: "10.96.0.9", ports: [{ port: 80 }] },
  };
  const node = { apiVersion: "v1", kind: "Node", metadata: { name: "elsewhere" } };
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: [service, node] });
  const { exitCode, stdout, stderr } = await sluice(["render", "--mode", "iptables", "-f", "-"], list);
  assert.equal(exitCode, 0, stderr);
  assert.match(stdout, /-A KUBE-SERVICES .*"default\/web has no endpoints".* -j REJECT/);
  assert.match(stderr, /elsewhere/);
});

test("--version is ours, also in the folder of another package", async () => {
  file("package.json", `{ "version": "9.9.9" }`);
  const { version } = JSON.parse(readFileSync(inProject("package.json"), "utf8")) as { version: string };
  const there = ["env", `--chdir=${folder}`];
  assert.equal((await sluice(["--version"], "", there)).stdout, `${version}\n`);
});

test("trace shows the outcomes, the rules passed and what it took for granted", async () => {
  const args = ["trace", "--from", "10.244.1.9", "--to", "10.96.67.70:7070", "--hostname-override", "node-a1"];
  const { exitCode, stdout } = await sluice(args);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^goes to one of 3 endpoints of default\/cartservice:grpc, each 1\/3$/m);
  assert.equal([...stdout.matchAll(/^ +1\/3 {2}forward 10\.244\.\d+\.\d+:7070, source kept$/gm)].length, 3);
  assert.match(stdout, /=> jump KUBE-SVC-RXT2D452GFNYRHMI$/m);
  assert.match(stdout, /^taken for granted:\n {2}the node has one interface, eth0/m);
});

for (const mode of ["iptables", "nftables", "ipvs", "userspace"]) {
  test(`trace -o json, mode ${mode}: each outcome with its verdict, and chances that come to 1`, async () => {
    const args = ["trace", "--from", "10.244.1.9", "--to", "10.96.67.70:7070", "--hostname-override", "node-a1"];
    const { stdout } = await sluice([...args, "-o", "json", "--mode", mode]);
    const { outcomes } = JSON.parse(stdout) as { outcomes: { verdict: string; to: string; probability: string }[] };
    for (const { verdict, to } of outcomes) assert.match(`${verdict} ${to}`, /^forward 10\.244\.\d+\.\d+:7070$/);
    const chances = outcomes.map(({ probability }) => probability.split("/").map(Number));
    const sum = chances.reduce((total, [part, whole = 1]) => total + part! / whole, 0);
    assert.ok(Math.abs(sum - 1) < 1e-12, stdout);
  });
}
