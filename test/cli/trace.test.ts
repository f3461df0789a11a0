import assert from "node:assert/strict";
import { trace, type TraceArguments } from "../../src/cli/trace.ts";
import { isSluiceError } from "../../src/core/errors.ts";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";

const test = suite("sluice trace");

function traced(from: string, to: string, given: Partial<TraceArguments> = {}): Promise<string> {
  return trace({
    from,
    to,
    seed: undefined,
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
    for (const mode of ["iptables", "ipvs", "userspace"] as const) {
      const text = await traced(from, to, { mode });
      assert.ok(text.startsWith(`${head}, mode ${mode}\n`), text);
    }
  }
});

test("ipvs: text and JSON say that the rules around IPVS are not walked", async () => {
  const text = await traced("10.244.1.9", service, { mode: "ipvs" });
  assert.match(text, /\nnot walked: the iptables rules around IPVS, masquerade and source ranges;/);
  const json = JSON.parse(await traced("10.244.1.9", service, { mode: "ipvs", o: "json" })) as Record<string, unknown>;
  assert.deepEqual(json["notWalked"], ["the iptables rules around IPVS, masquerade and source ranges"]);
});
