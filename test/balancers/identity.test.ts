import assert from "node:assert/strict";
import { addressWord, identityOf } from "../../src/balancers/identity.ts";
import { parseIp } from "../../src/net/ip.ts";
import { suite } from "../support/suite.ts";

const test = suite("identity of a backend");

test("an address and a port give the word that IPVS hashes of a server: their sum, IPv6 folded by exclusive or", () => {
  assert.equal(identityOf("10.244.0.1:8080").low, 0x0af40001 + 8080);
  assert.equal(identityOf("255.255.255.255:2").low, 1);
  assert.equal(identityOf("[fd00:1::7:9]:80").low, (0xfd000001 ^ 0x00070009) + 80);
  assert.equal(addressWord(parseIp("fd00:1::7:9"), 80), identityOf("[fd00:1::7:9]:80").low);
  assert.equal(addressWord(parseIp("200.0.0.0"), 0), 0xc8000000 - 2 ** 32);
});

test("servers whose sums are equal differ in the other word", () => {
  const [one, other] = [identityOf("10.0.0.1:81"), identityOf("10.0.0.2:80")];
  assert.equal(one.low, other.low);
  assert.notEqual(one.high, other.high);
});

test("10 000 names and addresses are 10 000 identities, the same ones each time", () => {
  const ids = Array.from({ length: 5000 }, (_, n) => [`pod-${n}`, `10.244.${n >> 8}.${n & 255}:80`]).flat();
  const keys = ids.map((id) => JSON.stringify(identityOf(id)));
  assert.equal(new Set(keys).size, 10_000);
  assert.deepEqual(
    ids.map((id) => JSON.stringify(identityOf(id))),
    keys,
  );
});

test("what is not quite an address with a port is a name like any other", () => {
  for (const id of ["10.0.0.1", "10.0.0.1:65536", "10.0.0.256:80", "[10.0.0.1", "fd00::1:80", "a:80", ":80", "", "ü"]) {
    assert.notEqual(identityOf(id).low, identityOf(`${id} `).low, id);
  }
});
