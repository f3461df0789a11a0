import assert from "node:assert/strict";
import { formatSocketAddr, protocolName, SCTP, TCP, tryParseProtocol, UDP } from "../../src/net/flow.ts";
import { parseIp } from "../../src/net/ip.ts";
import { parsePort, parseSocketAddr } from "../../src/net/parse-socket-addr.ts";
import { suite } from "../support/suite.ts";

const test = suite("flow");

test("protocols have their numbers in the IP header, and are read in any case", () => {
  assert.deepEqual([TCP, UDP, SCTP], [6, 17, 132]);
  for (const text of ["tcp", "TCP", "Tcp"]) assert.equal(tryParseProtocol(text), TCP);
  for (const protocol of [TCP, UDP, SCTP] as const) assert.equal(tryParseProtocol(protocolName(protocol)), protocol);
  for (const text of ["", "icmp", "tcp ", "6"]) assert.equal(tryParseProtocol(text), undefined);
});

test("writes IPv6 addresses in brackets before a port", () => {
  assert.equal(formatSocketAddr({ ip: parseIp("10.0.0.1"), port: 80 }), "10.0.0.1:80");
  assert.equal(formatSocketAddr({ ip: parseIp("fd00::1"), port: 80 }), "[fd00::1]:80");
});

const readable: readonly (readonly [text: string, address: string])[] = [
  ["10.0.0.1:80", "10.0.0.1:80"],
  ["[fd00::1]:65535", "[fd00::1]:65535"],
  ["10.0.0.1", "10.0.0.1:8080"],
  ["[fd00::1]", "[fd00::1]:8080"],
  ["fd00::1", "[fd00::1]:8080"],
  ["fd00::1:80", "[fd00::1:80]:8080"],
  ["0.0.0.0:1", "0.0.0.0:1"],
];

for (const [text, address] of readable) {
  test(`reads ${text} as ${address} where the default port is 8080`, () => {
    assert.equal(formatSocketAddr(parseSocketAddr(text, "--bind", 8080)), address);
  });
}

test("refuses what is no address and port", () => {
  const wrong = ["", ":80", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:1e3", "10.0.0.1: 80", "a:80"];
  for (const text of [...wrong, "[fd00::1]:", "[fd00::1]80", "[]:80", "[10.0.0.1", "10.0.0.1:80:80"]) {
    assert.throws(() => parseSocketAddr(text, "--bind", 8080), { code: "CONFIG_INVALID" }, text);
  }
});

test("needs a port where there is no default", () => {
  for (const text of ["10.0.0.1", "[fd00::1]", "fd00::1"]) {
    assert.throws(() => parseSocketAddr(text, "--bind"), {
      code: "CONFIG_INVALID",
      details: { path: "--bind", expected: "ADDRESS:PORT", received: text },
    });
  }
});

test("a port is a whole number in 1…65535", () => {
  assert.deepEqual([parsePort("1", "port"), parsePort("65535", "port"), parsePort("080", "port")], [1, 65_535, 80]);
  for (const text of ["", "0", "65536", "-1", "1.5", "0x50", "80 ", "000080"]) {
    assert.throws(() => parsePort(text, "port"), { code: "CONFIG_INVALID" }, text);
  }
});
