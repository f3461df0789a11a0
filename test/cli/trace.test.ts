import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { trace, type TraceArguments } from "../../src/cli/trace.ts";
import { isSluiceError } from "../../src/core/errors.ts";
import type { PacketTraceJson } from "../../src/explain/packet-trace-json.ts";
import { modes } from "../../src/modes/program.ts";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";

const test = suite("sluice trace");

function traced(from: string, to: string, given: Partial<TraceArguments> = {}): Promise<string> {
  return trace({
    from,
    to,
    all: false,
    o: "table",
    mode: "iptables",
    f: [inProject("examples", "boutique.yaml")],
    hostnameOverride: "node-a1",
    scheduler: "rr",
    masqueradeAll: false,
    ...given,
  });
}

const service = "10.96.67.70:7070";
const wrong: readonly (readonly [from: string, to: string, flag: "--from" | "--to"])[] = [
  ["10.0.0", service, "--from"],
  ["", service, "--from"],
  ["node-a", service, "--from"],
  ["10.0.0.1:", service, "--from"],
  ["10.0.0.1:0", service, "--from"],
  ["10.0.0.1:99999", service, "--from"],
  ["10.0.0.1/tcp", service, "--from"],
  ["[fd00::1", "[fd00::2]:80", "--from"],
  ["fd00::1]:80", "[fd00::2]:80", "--from"],
  ["[fd00::1]80", "[fd00::2]:80", "--from"],
  ["fe80::1%eth0", "[fd00::2]:80", "--from"],
  ["fd00::1", "fd00::2:80", "--to"],
  ["fd00::1", "[fd00::2]", "--to"],
  ["10.0.0.1", "10.96.0.1", "--to"],
  ["10.0.0.1", "web:80", "--to"],
  ["10.0.0.1", "10.96.0.1:http", "--to"],
  ["10.0.0.1", "10.96.0.1:80/", "--to"],
  ["10.0.0.1", "10.96.0.1:80/icmp", "--to"],
  ["10.0.0.1", "10.96.0.1:80/tcp/udp", "--to"],
  ["10.0.0.1", "10.96.0.1/tcp", "--to"],
];

for (const [from, to, flag] of wrong) {
  test(`--from '${from}' --to '${to}' is refused: the message has the flag, its form and what was given`, async () => {
    const received = flag === "--from" ? from : to;
    await assert.rejects(traced(from, to), (error) => {
      assert.ok(isSluiceError(error, "CONFIG_INVALID"));
      assert.deepEqual([error.details.path, error.details.received], [flag, received]);
      assert.ok(error.message.startsWith(`${flag}: expected IP`), error.message);
      assert.match(error.message, /in brackets.*\[fd00::1\]:/);
      assert.ok(error.message.endsWith(received), error.message);
      return true;
    });
  });
}

test("addresses of two families are refused, and which one was expected is said", async () => {
  await assert.rejects(traced("10.0.0.1", "[fd00::2]:80"), /^SluiceError: --to: expected an IPv4 address.*10\.0\.0\.1/);
  await assert.rejects(traced("[fd00::2]:80", service), /^SluiceError: --to: expected an IPv6 address.*\[fd00::2\]:80/);
});

const right: readonly (readonly [from: string, to: string, head: string])[] = [
  ["10.0.0.1", "10.96.0.1:80", "tcp 10.0.0.1:40000 -> 10.96.0.1:80"],
  ["10.0.0.1:5", "10.96.0.1:80/UDP", "udp 10.0.0.1:5 -> 10.96.0.1:80"],
  ["fd00::1", "[fd00::2]:80", "tcp [fd00::1]:40000 -> [fd00::2]:80"],
  ["[fd00::1]", "[fd00::2]:80/tcp", "tcp [fd00::1]:40000 -> [fd00::2]:80"],
  ["[FD00::1]:5", "[fd00:0::2]:53/sctp", "sctp [fd00::1]:5 -> [fd00::2]:53"],
  ["::ffff:10.0.0.1", "10.96.0.1:80", "tcp 10.0.0.1:40000 -> 10.96.0.1:80"],
];

test("what is right is read as it was meant, in every mode", async () => {
  for (const [from, to, head] of right) {
    for (const mode of modes) {
      const text = await traced(from, to, { mode });
      assert.ok(text.startsWith(`${head}, mode ${mode}`), text);
    }
  }
});

test("a cluster: endpoints with fractions, the service's name, and why the source changes, in every mode", async () => {
  for (const mode of ["iptables", "nftables", "ipvs"] as const) {
    const text = await traced("10.244.1.9", service, { mode });
    assert.match(text, /goes to one of 3 endpoints of default\/cartservice:grpc, each 1\/3\n/, mode);
    assert.match(text, / {5}1\/3 {2}forward 10\.244\.1\.6:7070, source kept\n/, mode);
    assert.match(text, /taken for granted:\n.*eth0/, mode);
  }
  const masqueraded = await traced("10.0.0.9", service, { clusterCidr: ["10.244.0.0/16"] });
  assert.match(masqueraded, /the source becomes the node's because this rule marked it: -A KUBE-SVC-\w+ ! -s 10\.244/);
});

test("a cluster as JSON: outcomes as promised", async () => {
  const json = JSON.parse(
    await traced("10.0.0.9", service, { clusterCidr: ["10.244.0.0/16"], o: "json" }),
  ) as PacketTraceJson;
  assert.equal(json.service, "default/cartservice:grpc");
  assert.deepEqual(
    json.outcomes.map(({ probability, exact, verdict, to, source }) => [probability, exact, verdict, to, source]),
    [
      ["1/3", "715827883/2147483648", "forward", "10.244.1.6:7070", "192.168.77.2"],
      ["1/3", "1431655765/4294967296", "forward", "10.244.2.6:7070", "192.168.77.2"],
      ["1/3", "1431655765/4294967296", "forward", "10.244.6.2:7070", "192.168.77.2"],
    ],
  );
  assert.ok(json.outcomes.every(({ path, back }) => path.length > 5 && back?.verdict === "pass"));
});

test("JSON is one document in every mode: each outcome has its probability, verdict, end, source and path", async () => {
  for (const mode of modes) {
    const json = JSON.parse(await traced("10.0.0.9", service, { mode, o: "json" })) as PacketTraceJson;
    assert.deepEqual(
      Object.keys(json),
      ["program", "flow", "inInterface", "service", "outcomes", "reasons", "assumptions", "notUnderstood"],
      mode,
    );
    assert.deepEqual(
      json.outcomes.map(({ probability, verdict, to }) => `${probability} ${verdict} ${to}`),
      ["10.244.1.6", "10.244.2.6", "10.244.6.2"].map((ip) => `1/3 forward ${ip}:7070`),
      mode,
    );
    const sources = mode === "userspace" ? ["192.168.77.2"] : ["10.0.0.9"];
    assert.deepEqual([...new Set(json.outcomes.map(({ source }) => source))], sources, mode);
    assert.ok(
      json.outcomes.every(({ path }) => path.length > 0),
      mode,
    );
  }
});

test("userspace: the endpoint sees the node, with a port of its own; each endpoint has its own path", async () => {
  const json = JSON.parse(await traced("10.244.1.9", service, { mode: "userspace", o: "json" })) as PacketTraceJson;
  assert.deepEqual(
    json.outcomes.map(({ sourcePort, path }) => [sourcePort, path.at(-1)!.rule]),
    ["10.244.1.6", "10.244.2.6", "10.244.6.2"].map((ip) => ["32768-60999", `default/cartservice:grpc -> ${ip}:7070`]),
  );
  const passed = await traced("10.244.1.9", "198.51.100.1:80", { mode: "userspace" });
  assert.match(passed, /\nno service's: routing takes it on as it is\n/);
  assert.match(await traced("fd00::1", "[fd00::2]:80", { mode: "userspace" }), /mode does not serve IPv6/);
});

test("what the packet is: an ICMP error about another one, or TCP's flags; when it comes, and whether there is room", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-trace-"));
  try {
    const conntrack = join(folder, "conntrack.txt");
    const iptablesSave = join(folder, "rules.txt");
    writeFileSync(
      conntrack,
      "udp 17 25 src=10.0.0.7 dst=10.96.0.10 sport=40000 dport=53 src=10.244.1.10 dst=10.0.0.7 sport=53 dport=40000 [ASSURED] mark=0\n",
    );
    writeFileSync(iptablesSave, "*filter\n:FORWARD ACCEPT\nCOMMIT\n");
    const dumps = { f: undefined, iptablesSave, conntrack, o: "json" } as const;
    const ends = async (from: string, to: string | undefined, given: Partial<TraceArguments>): Promise<string> => {
      const { flow, outcomes } = JSON.parse(
        await trace({ ...(given as TraceArguments), mode: "iptables", from, to, ...dumps }),
      ) as PacketTraceJson;
      return `${flow.protocol} ${outcomes.map(({ verdict, to: end, source }) => `${verdict} ${end} from ${source}`).join()}`;
    };
    const icmpAbout = "10.0.0.7:40000,10.244.1.10:53/udp";
    assert.equal(await ends("10.244.1.10", undefined, { icmpAbout }), "icmp pass 10.0.0.7 from 10.96.0.10");
    assert.equal(await ends("10.0.0.7:40000", "10.96.0.10:53/udp", {}), "udp forward 10.244.1.10:53 from 10.0.0.7");
    assert.equal(
      await ends("10.0.0.7:40000", "10.96.0.10:53/udp", { later: 25 }),
      "udp pass 10.96.0.10:53 from 10.0.0.7",
    );
    assert.match(await ends("10.0.0.8", "10.96.0.10:53/udp", { conntrackMax: 1 }), /^udp drop/);
    await assert.rejects(
      ends("10.0.0.7", "10.96.0.10:53/udp", { tcpFlags: "SYN" }),
      /--tcp-flags: expected a packet of TCP/,
    );
    await assert.rejects(
      ends("10.0.0.7", "10.96.0.1:80", { tcpFlags: "SYN,BIG" }),
      /--tcp-flags: expected some of FIN, SYN/,
    );
    await assert.rejects(ends("fd00::1", undefined, { icmpAbout }), /--icmp-about: expected addresses of the family/);
    await assert.rejects(ends("10.0.0.1", undefined, { icmpAbout: "10.0.0.7:1" }), /--icmp-about: expected FROM,TO/);
    const inUserspace = { ...dumps, iptablesSave: undefined, f: [inProject("examples", "boutique.yaml")] } as const;
    await assert.rejects(
      traced("10.0.0.1", service, { ...inUserspace, mode: "userspace", icmpAbout }),
      /--icmp-about: expected a mode/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("--all lists every service port with its verdict; without it --to is needed", async () => {
  for (const mode of modes) {
    const lines = (await traced("10.244.1.9", service, { mode, all: true, to: undefined })).split("\n");
    assert.ok(
      lines.some((line) => /^tcp 10\.96\.67\.70:7070 +default\/cartservice:grpc +1\/3 forward 10\.244/.test(line)),
      mode,
    );
  }
  await assert.rejects(traced("10.244.1.9", service, { to: undefined }), /--to: expected IP:PORT/);
});

test("dumps in place of a cluster: iptables-save and nft's JSON, with a node's own addresses and routes", async () => {
  const recorded = (name: string): string =>
    inProject("test", "golden", "kube-proxy", "003-clusterip-tcp-3ep", "expected", name);
  const folder = mkdtempSync(join(tmpdir(), "sluice-trace-"));
  try {
    const nftJson = join(folder, "nft.json");
    writeFileSync(nftJson, gunzipSync(readFileSync(recorded("00-initial.nftables.nft.json.gz"))));
    const [ipAddr, ipRoute, svg] = [join(folder, "addr.json"), join(folder, "route.json"), join(folder, "way.svg")];
    writeFileSync(ipAddr, '[{"ifname":"ens3","addr_info":[{"family":"inet","local":"192.168.10.5","prefixlen":24}]}]');
    writeFileSync(ipRoute, '[{"dst":"default","gateway":"192.168.10.1","dev":"ens3"}]');
    const iptablesSave = recorded("00-initial.iptables.iptables-save.txt");
    for (const dump of [{ iptablesSave }, { nftJson }]) {
      const given = { ...dump, ipAddr, ipRoute, svg, f: undefined, o: "json" } as const;
      const json = JSON.parse(await traced("192.168.10.100", "10.96.0.10:80", given)) as PacketTraceJson;
      assert.deepEqual(
        json.outcomes.map(({ probability, verdict, to, source }) => [probability, verdict, to, source]),
        ["10.244.1.10:8080", "10.244.1.11:8080", "10.244.2.10:8080"].map((to) => [
          "1/3",
          "forward",
          to,
          "192.168.10.5",
        ]),
      );
      assert.equal(json.inInterface, "ens3");
      assert.match(readFileSync(svg, "utf8"), /^<svg [^>]+>[^]*PREROUTING[^]*<\/svg>\n$/);
    }
    await assert.rejects(
      traced("10.0.0.1", service, { f: undefined, iptablesSave: join(folder, "none") }),
      /expected a file/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
