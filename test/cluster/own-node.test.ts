import assert from "node:assert/strict";
import { isSluiceError } from "../../src/core/errors.ts";
import { chooseOwnNode } from "../../src/cluster/own-node.ts";
import { snapshotOf } from "../../src/cluster/state.ts";
import { node } from "../support/objects.ts";
import { suite } from "../support/suite.ts";

const test = suite("chooseOwnNode");
const cluster = snapshotOf([node({ name: "node-a" }), node({ name: "node-b" })]);
const empty = snapshotOf([]);

const cases = [
  {
    name: "the Node that is named",
    of: cluster,
    override: "node-b",
    hostname: "node-a",
    node: "node-b",
    guessed: false,
    reason: /^$/,
  },
  {
    name: "the named one, trimmed and in lower case",
    of: cluster,
    override: " Node-B\n",
    hostname: "x",
    node: "node-b",
    guessed: false,
    reason: /^$/,
  },
  {
    name: "a name that no Node has, and says so",
    of: cluster,
    override: "node-z",
    hostname: "node-a",
    node: "node-z",
    guessed: false,
    reason: /no Node has the name node-z/,
  },
  {
    name: "the host's own Node",
    of: cluster,
    override: undefined,
    hostname: "NODE-B ",
    node: "node-b",
    guessed: false,
    reason: /^$/,
  },
  {
    name: "the host's own Node when the override is empty",
    of: cluster,
    override: "",
    hostname: "node-b",
    node: "node-b",
    guessed: false,
    reason: /^$/,
  },
  {
    name: "the first Node as a guess, and says so",
    of: cluster,
    override: undefined,
    hostname: "laptop",
    node: "node-a",
    guessed: true,
    reason: /this host's name, laptop: .* as node-a/,
  },
  {
    name: "no Node where there is none",
    of: empty,
    override: undefined,
    hostname: "laptop",
    node: "",
    guessed: false,
    reason: /^$/,
  },
  {
    name: "the named one where there is no Node",
    of: empty,
    override: "node-a",
    hostname: "laptop",
    node: "node-a",
    guessed: false,
    reason: /^$/,
  },
];
for (const { name, of, override, hostname, node: expected, guessed, reason } of cases) {
  test(`it is ${name}`, () => {
    const own = chooseOwnNode(of, { ...(override === undefined ? {} : { hostnameOverride: override }), hostname });
    assert.deepEqual([own.name, own.guessed], [expected, guessed]);
    assert.match(own.reason, reason);
  });
}

test("a name of blanks alone is refused, as by kube-proxy", () => {
  assert.throws(
    () => chooseOwnNode(cluster, { hostnameOverride: " ", hostname: "node-a" }),
    (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === "hostnameOverride",
  );
});
