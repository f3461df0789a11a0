import assert from "node:assert/strict";
import { isSluiceError } from "../../../src/core/errors.ts";
import { type IptablesOptions, resolveIptablesOptions } from "../../../src/modes/iptables/options.ts";
import { parseCidr } from "../../../src/net/cidr.ts";
import { suite } from "../../support/suite.ts";

const test = suite("options of the iptables mode");

test("without options everything is as kube-proxy 1.36 has it", () => {
  assert.deepEqual(resolveIptablesOptions(), {
    masqueradeBit: 14,
    masqueradeAll: false,
    localhostNodePorts: true,
    detectLocal: { by: "none" },
    nodePortAddresses: [],
    tcpBeLiberal: false,
    nfacct: true,
    randomFully: true,
  });
});

test("ranges are read into numbers, and what is given replaces the default", () => {
  const resolved = resolveIptablesOptions({
    masqueradeBit: 0,
    detectLocal: { by: "cluster-cidr", ranges: ["10.244.1.1/16"] },
    nodePortAddresses: ["fd00::/8"],
  });
  assert.equal(resolved.masqueradeBit, 0);
  assert.deepEqual(resolved.detectLocal, { by: "cluster-cidr", ranges: [parseCidr("10.244.0.0/16")] });
  assert.deepEqual(resolved.nodePortAddresses, [parseCidr("fd00::/8")]);
  assert.equal(resolveIptablesOptions({ nodePortAddresses: ["primary"] }).nodePortAddresses, "primary");
});

/** A wrong option, and the field that the error names. */
const wrong: readonly (readonly [object, string])[] = [
  [{ masqueradeBit: 32 }, "iptables.masqueradeBit"],
  [{ masqueradeBit: -1 }, "iptables.masqueradeBit"],
  [{ masqueradeBit: 1.5 }, "iptables.masqueradeBit"],
  [{ masqueradeBit: "14" }, "iptables.masqueradeBit"],
  [{ masqueradeAll: 1 }, "iptables.masqueradeAll"],
  [{ localhostNodePorts: "yes" }, "iptables.localhostNodePorts"],
  [{ nfacct: null }, "iptables.nfacct"],
  [{ masqueradeall: true }, "iptables.masqueradeall"],
  [{ constructor: true }, "iptables.constructor"],
  [{ nodePortAddresses: "10.0.0.0/8" }, "iptables.nodePortAddresses"],
  [{ nodePortAddresses: ["10.0.0.0/8", "primary"] }, "iptables.nodePortAddresses[1]"],
  [{ nodePortAddresses: ["10.0.0.0/33"] }, "iptables.nodePortAddresses[0]"],
  [{ nodePortAddresses: [8] }, "iptables.nodePortAddresses[0]"],
  [{ detectLocal: undefined }, "iptables.detectLocal"],
  [{ detectLocal: null }, "iptables.detectLocal"],
  [{ detectLocal: { by: "magic" } }, "iptables.detectLocal"],
  [{ detectLocal: { by: "cluster-cidr" } }, "iptables.detectLocal.ranges"],
  [{ detectLocal: { by: "cluster-cidr", ranges: ["10.0.0.1"] } }, "iptables.detectLocal.ranges[0]"],
  [{ detectLocal: { by: "bridge-interface" } }, "iptables.detectLocal.name"],
  [{ detectLocal: { by: "bridge-interface", name: "sixteen-letters-" } }, "iptables.detectLocal.name"],
  [{ detectLocal: { by: "bridge-interface", name: "a b" } }, "iptables.detectLocal.name"],
  [{ detectLocal: { by: "interface-prefix", prefix: "" } }, "iptables.detectLocal.prefix"],
  [{ detectLocal: { by: "interface-prefix", prefix: "fifteen-letters" } }, "iptables.detectLocal.prefix"],
];

test("a wrong or unknown option is refused by name", () => {
  for (const [options, path] of wrong) {
    assert.throws(
      () => resolveIptablesOptions(options as IptablesOptions),
      (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === path,
      `${JSON.stringify(options)} should be refused at ${path}`,
    );
  }
});
