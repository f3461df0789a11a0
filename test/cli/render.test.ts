/** What `sluice render` prints; and that a kernel which is given it, by doing what it says, lists what it said. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { render, type RenderArguments } from "../../src/cli/render.ts";
import { execOk } from "../../src/host/exec.ts";
import type { Mode } from "../../src/modes/program.ts";
import { obstacleTo } from "../support/obstacle.ts";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";

const missing = await obstacleTo("nfacct add x && iptables-save -t nat");
// Only now: a suite runs as soon as the file waits for something.
const test = suite("sluice render", { timeoutMs: 60_000 });
const folder = mkdtempSync(join(tmpdir(), "sluice-render-"));
const boutique = inProject("examples", "boutique.yaml");

test.after(() => rmSync(folder, { recursive: true, force: true }));

function printed(mode: Mode, given: Partial<RenderArguments> = {}): Promise<string> {
  return render({
    mode,
    f: [boutique],
    hostnameOverride: "node-a1",
    scheduler: "rr",
    masqueradeAll: false,
    format: "restore",
    ...given,
  });
}

/** One text and what is said above it. */
interface Printed {
  readonly name: string;
  readonly commands: readonly string[];
  readonly text: string;
}

/** The name has no dash in front and no command's name, so that each text can be told from the one before. */
function blocksOf(output: string): readonly Printed[] {
  return output
    .split(/^(?=# (?:iptables|ipvs(?: addresses| sets| rules)?|userspace portals) IPv[46]\n)/m)
    .filter((block) => block !== "")
    .map((block) => {
      const lines = block.split("\n");
      const end = lines.findIndex((line) => !/^# [^:]+$/.test(line));
      const [name, ...commands] = lines.slice(0, end).map((line) => line.slice(2));
      return { name: name!, commands, text: lines.slice(end).join("\n") };
    });
}

/** Runs the commands of every block in order in one new namespace, the last of each with its text, then lists. */
async function followed(output: string, list: readonly string[]): Promise<string> {
  const steps = blocksOf(output).map(
    ({ commands, text }) => `${commands.join("\n")} <<'END-OF-TEXT'\n${text}\nEND-OF-TEXT`,
  );
  return execOk(["unshare", "--net", "sh", "-e"], { input: [...steps, ...list, ""].join("\n") });
}

const withoutCounts = (text: string): string =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.replace(/^(:.*) \[\d+:\d+\]$/, "$1 [0:0]"))
    .join("\n");

const nodePorts = join(folder, "node-ports.yaml");
writeFileSync(
  nodePorts,
  `apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  type: NodePort
  clusterIP: 10.96.0.10
  clusterIPs: [10.96.0.10, "fd00:96::10"]
  externalIPs: [192.0.2.1]
  sessionAffinity: ClientIP
  sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } }
  ports: [{ port: 80, nodePort: 30080 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: "", port: 8080 }]
endpoints: [{ addresses: [10.244.1.10] }, { addresses: [10.244.1.11] }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web6, labels: { kubernetes.io/service-name: web } }
addressType: IPv6
ports: [{ name: "", port: 8080 }]
endpoints: [{ addresses: ["fd00:244::10"] }]
`,
);

const cases: readonly (readonly [Mode, string, readonly string[]])[] = [
  ["iptables", boutique, ["iptables", "ip6tables"]],
  ["iptables", nodePorts, ["iptables", "ip6tables"]],
  ["userspace", boutique, ["iptables"]],
  ["userspace", nodePorts, ["iptables"]],
];

for (const [mode, file, tools] of cases) {
  const name = `mode ${mode}: ${file === boutique ? "the example" : "a cluster without Nodes"}, loaded by following what is printed, is listed as printed`;
  if (missing !== undefined) test.skip(name, missing);
  else {
    test(name, async () => {
      const list = tools.map((tool) => `${tool}-save`);
      const listed = await followed(await printed(mode, { f: [file] }), list);
      assert.equal(withoutCounts(listed), withoutCounts(await printed(mode, { f: [file], format: "save" })));
      assert.ok(listed.split("\n").length > 30);
    });
  }
}

test("counters are made once, before the first text that names them, whichever families are asked for", async () => {
  const setupOf = async (family?: "ipv4" | "ipv6") =>
    blocksOf(await printed("iptables", { family })).map(({ commands }) => commands.slice(0, -1).toSorted());
  const both = ["nfacct add ct_state_invalid_dropped_pkts", "nfacct add localhost_nps_accepted_pkts"];
  assert.deepEqual(await setupOf(), [both, []]);
  assert.deepEqual(await setupOf("ipv4"), [both]);
  assert.deepEqual(await setupOf("ipv6"), [both.slice(0, 1)]);
});

test("every text says its mode, its family and its command", async () => {
  const heads = async (mode: Mode, format: RenderArguments["format"]) =>
    blocksOf(await printed(mode, { format })).map(({ name, commands }) => [name, commands.at(-1)]);
  assert.deepEqual(await heads("ipvs", "restore"), [
    ["ipvs IPv4", "ipvsadm -R"],
    ["ipvs addresses IPv4", "ip -batch -"],
    ["ipvs sets IPv4", "ipset restore"],
    ["ipvs rules IPv4", "iptables-restore --noflush"],
    ["ipvs IPv6", "ipvsadm -R"],
    ["ipvs addresses IPv6", "ip -batch -"],
    ["ipvs sets IPv6", "ipset restore"],
    ["ipvs rules IPv6", "ip6tables-restore --noflush"],
  ]);
  assert.deepEqual(await heads("iptables", "save"), [
    ["iptables IPv4", "iptables-save"],
    ["iptables IPv6", "ip6tables-save"],
  ]);
  assert.deepEqual(await heads("userspace", "restore"), [["userspace portals IPv4", "iptables-restore --noflush"]]);
});

test("a family is printed alone; the userspace mode has nothing for IPv6", async () => {
  for (const mode of ["iptables", "ipvs"] as const) {
    const whole = blocksOf(await printed(mode)).map(({ text }) => text.trimEnd());
    for (const [at, family] of (["ipv4", "ipv6"] as const).entries()) {
      const alone = blocksOf(await printed(mode, { family })).map(({ text }) => text.trimEnd());
      assert.deepEqual(alone, whole.slice(at * alone.length, (at + 1) * alone.length), `${mode} ${family}`);
      assert.equal(alone.length * 2, whole.length);
    }
  }
  for (const format of ["restore", "save", "json"] as const) {
    assert.equal(await printed("userspace", { family: "ipv6", format }), "", format);
    assert.equal(await printed("userspace", { family: "ipv4", format }), await printed("userspace", { format }));
  }
});

test("as JSON it is one document, of the family that was asked for", async () => {
  const read = async (mode: Mode, family?: "ipv4" | "ipv6") =>
    JSON.parse(await printed(mode, { format: "json", family })) as Record<string, { family: number }[]>;
  const families = async (mode: Mode, member: string, family?: "ipv4" | "ipv6") =>
    (await read(mode, family))[member]!.map((one) => one.family);
  assert.deepEqual(await families("iptables", "rulesets"), [4, 6]);
  assert.deepEqual(await families("iptables", "rulesets", "ipv6"), [6]);
  assert.deepEqual(await families("ipvs", "tables", "ipv4"), [4]);
  assert.equal((await read("userspace"))["mode"], "userspace");
});

test("at the command line: what there is nothing of is told on stderr, and an unknown form is bad usage", async () => {
  const nothing = await sluice(["render", "--mode", "userspace", "--family", "ipv6", "-f", boutique]);
  assert.deepEqual([nothing.exitCode, nothing.stdout], [0, ""]);
  assert.match(nothing.stderr, /^sluice: the userspace mode has no rules for IPv6$/m);
  const unknown = await sluice(["render", "--format", "yaml", "-f", boutique]);
  assert.deepEqual([unknown.exitCode, unknown.stdout], [2, ""]);
  assert.match(unknown.stderr, /--format: expected one of restore, save, json, got yaml/);
});
