import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";

/** Every wrong option: exit code 2, and its flag, what was given and what is expected, in one line. */
const test = suite("option errors", { timeoutMs: 60_000, sampled: 3 });
const folder = mkdtempSync(join(tmpdir(), "sluice-options-"));
test.after(() => rmSync(folder, { recursive: true }));

const lonely = join(folder, "lonely.yaml");
writeFileSync(
  lonely,
  "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { clusterIP: 10.96.0.1, ports: [{ port: 80 }] }\n",
);
const out = join(folder, "result.json");

const cases: readonly (readonly [args: string, stderr: RegExp])[] = [
  ["render --mode ebpf", /--mode: expected one of userspace, .*, got ebpf$/],
  ["render --mode", /Not enough arguments following: --mode /],
  ["render --scheduler lc", /--scheduler: expected only with mode ipvs, got lc with mode iptables$/],
  [
    "render --mode ipvs --cluster-cidr 10.0.0.0/8",
    /--cluster-cidr: expected only with mode .*, got .* with mode ipvs$/,
  ],
  ["render --mode ipvs --cluster-cidr garbage", /--cluster-cidr: expected a range such as .*, got garbage$/],
  ["render --cluster-cidr 10.0.0.0/8 11.0.0.0/8", /--cluster-cidr: expected one range of IPv4, got 10\.0\.0\.0\/8 11/],
  ["render --masquerade-all=maybe", /--masquerade-all: expected true or false, .*, got maybe$/],
  ["render --family ipv5", /--family: expected one of ipv4, ipv6, got ipv5$/],
  ["trace", /Missing required argument: --from /],
  [
    "trace --from 10.0.0.1",
    /--to: expected IP:PORT\[\/tcp\|udp\|sctp\], .* got nothing; --all lists every service instead$/,
  ],
  ["trace --from 10.0.0.1 --to 10.0.0.2:80 --all=some", /--all: expected true or false, .*, got some$/],
  ["trace --from 10.0.0.1 --to 10.0.0.2:80 -o xml", /-o: expected one of table, json, yaml, got xml$/],
  ["run --modern", /--modern: expected only with mode userspace, got true with mode iptables$/],
  ["run --watch=perhaps", /--watch: expected true or false, .*, got perhaps$/],
  ["run --bind everywhere", /--bind: expected one of loopback, cluster-ips, portals, got everywhere$/],
  ["run --udp-idle-ms 0", /--udp-idle-ms: expected a whole number in 1…86400000, got 0$/],
  ["run --retries 8", /--retries: expected a whole number in 0…7, got 8$/],
  ["run --proxy-protocol v3", /--proxy-protocol: expected one of v1, v2, got v3$/],
  ["run --dataplane kernel --tcp-idle-ms 9", /--tcp-idle-ms: expected only with --dataplane workers, got 9$/],
  ["run --map-endpoint 10.0.0.1=x", /--map-endpoint: expected IP\[:PORT\]=ADDRESS\[:PORT\].*, got 10\.0\.0\.1=x$/],
  [
    "run --map-endpoint 10.0.0.1=127.0.0.1 10.0.0.1=127.0.0.2",
    /--map-endpoint: expected each endpoint once, got 10\.0\.0\.1=127\.0\.0\.2$/,
  ],
  [
    "run --listen a/b:c=127.0.0.1",
    /--listen: expected NAMESPACE\/NAME:PORT=ADDRESS:PORT, .*, got a\/b:c=127\.0\.0\.1$/,
  ],
  ["bench --subjects ebpf", /--subjects: expected some of direct, .*, got ebpf$/],
  ["bench --subjects iptables iptables", /--subjects: expected each name once, got iptables$/],
  ["bench --works http", /--works: expected some of tcp-connect-request-close, .*, got http$/],
  ["bench --service kube-system/kube-dns:dns --works tcp-bulk", /--works: expected works over UDP, .*, got tcp-bulk$/],
  ["bench --service a/b", /--service: expected a service with ready IPv4 endpoints \(default\/.*\), got a\/b$/],
  ["bench -f " + lonely, /--file: expected a service with ready IPv4 endpoints, got none$/],
  ["bench --budget-seconds 20", /--budget-seconds: expected at least 67 s for 10 blocks of 28 slices, got 20 s$/],
  ["bench --budget-seconds 0", /--budget-seconds: expected a whole number in 1…86400, got 0$/],
  ["bench --budget-seconds 86401", /--budget-seconds: expected a whole number in 1…86400, got 86401$/],
  ["bench --budget-seconds 1.5", /--budget-seconds: expected a whole number in 1…86400, got 1\.5$/],
  ["bench --workers 65", /--workers: expected a whole number in 1…64, got 65$/],
  ["bench --message-bytes 15", /--message-bytes: expected a whole number in 16…60000, got 15$/],
  [
    "bench --subjects userspace ipvs-rr --masquerade-all",
    /--masquerade-all: expected only with mode iptables or nftables, got true with mode userspace and ipvs$/,
  ],
];

for (const [args, stderr] of cases) {
  test(`${args.replace(folder, "")}: names the flag, what is expected and what was given`, async () => {
    const words = args.split(" ");
    const result = await sluice(words[0] === "bench" ? [...words, "--out", out] : words);
    assert.match(result.stderr.trimEnd(), new RegExp(stderr.source, "m"));
    assert.equal(result.exitCode, 2, result.stderr);
    assert.equal(result.stdout, "");
    // Fields of the library, and what nobody gave.
    assert.doesNotMatch(result.stderr, /budgetMs|detectLocal|hostnameOverride|undefined|\n\s+at /);
  });
}

test("a blank name of a Node is refused by its flag", async () => {
  for (const command of ["render", "run", "bench"]) {
    const { exitCode, stderr } = await sluice([command, "--hostname-override", " "]);
    assert.match(stderr, /--hostname-override: expected the name of a Node, got /);
    assert.equal(exitCode, 2);
  }
});

test("a benchmark that was refused leaves no file", () => {
  assert.deepEqual(readdirSync(folder), ["lonely.yaml"]);
});
