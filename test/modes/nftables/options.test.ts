import assert from "node:assert/strict";
import { isSluiceError } from "../../../src/core/errors.ts";
import { type NftablesOptions, resolveNftablesOptions } from "../../../src/modes/nftables/options.ts";
import { parseCidr } from "../../../src/net/cidr.ts";
import { suite } from "../../support/suite.ts";

const test = suite("options of the nftables mode");

test("without options everything is as kube-proxy 1.36 has it", () => {
  assert.deepEqual(resolveNftablesOptions(), {
    masqueradeBit: 14,
    masqueradeAll: false,
    detectLocal: { by: "none" },
    nodePortAddresses: "primary",
  });
});

test("ranges are read into numbers, and no range at all means the node's own address", () => {
  const resolved = resolveNftablesOptions({
    detectLocal: { by: "cluster-cidr", ranges: ["10.244.1.1/16"] },
    nodePortAddresses: ["fd00::/8"],
  });
  assert.deepEqual(resolved.detectLocal, { by: "cluster-cidr", ranges: [parseCidr("10.244.0.0/16")] });
  assert.deepEqual(resolved.nodePortAddresses, [parseCidr("fd00::/8")]);
  for (const nodePortAddresses of [[], ["primary"]]) {
    assert.equal(resolveNftablesOptions({ nodePortAddresses }).nodePortAddresses, "primary");
  }
});

test("a wrong option is refused, and named", () => {
  for (const [options, path] of [
    [{ masqueradeBit: 32 }, "nftables.masqueradeBit"],
    [{ masqueradeAll: "yes" }, "nftables.masqueradeAll"],
    [{ detectLocal: { by: "guess" } }, "nftables.detectLocal"],
    [{ detectLocal: { by: "bridge-interface", name: 'a"b' } }, "nftables.detectLocal.name"],
    [{ nodePortAddresses: ["10.0.0.0/8", "10.0.0.1"] }, "nftables.nodePortAddresses[1]"],
    [{ localhostNodePorts: true }, "nftables.localhostNodePorts"],
  ] as const) {
    assert.throws(
      () => resolveNftablesOptions(options as NftablesOptions),
      (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === path,
      path,
    );
  }
});
