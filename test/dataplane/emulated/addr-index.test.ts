import assert from "node:assert/strict";
import { createAddrIndex } from "../../../src/dataplane/emulated/addr-index.ts";
import { type Protocol, SCTP, TCP, UDP } from "../../../src/net/flow.ts";
import { suite } from "../../support/suite.ts";
import { addr, flow } from "./literals.ts";

const test = suite("index of addresses");

const places: readonly [Protocol, string][] = [
  [TCP, "10.96.0.1:80"],
  [UDP, "10.96.0.1:80"],
  [SCTP, "10.96.0.1:80"],
  [TCP, "10.96.0.1:81"],
  [TCP, "10.96.0.2:80"],
  [TCP, "255.255.255.255:65535"],
  [TCP, "[fd00::1]:80"],
  [TCP, "[fd00::1]:81"],
  [TCP, "[fd00:1::1]:80"],
  [TCP, "[fd00::1:0:0:1]:80"],
  [UDP, "[fd00::1]:80"],
];

test("finds by protocol, address and port, in both families", () => {
  const index = createAddrIndex(places.map(([proto, at], value) => ({ proto, addr: addr(at), value })));
  for (const [value, [proto, at]] of places.entries()) {
    assert.equal(index.find(flow(at.startsWith("[") ? "[fd00::9]:1" : "10.244.1.9:1", at, proto)), value, at);
  }
  assert.equal(index.find(flow("10.244.1.9", "10.96.0.3:80")), undefined);
  assert.equal(index.find(flow("10.244.1.9", "10.96.0.2:80", SCTP)), undefined);
});

test("of several at one place the first stays", () => {
  const entries = [1, 2].map((value) => ({ proto: TCP, addr: addr("10.96.0.1:80"), value }) as const);
  assert.equal(createAddrIndex(entries).find(flow("10.244.1.9", "10.96.0.1:80")), 1);
});
