import assert from "node:assert/strict";
import { manualClock } from "../../../src/core/clock.ts";
import { type ErrorCode, isSluiceError, SluiceError } from "../../../src/core/errors.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { createEmulated } from "../../../src/dataplane/emulated/emulated.ts";
import type { Match, Target } from "../../../src/modes/iptables/ruleset.ts";
import { TCP, UDP } from "../../../src/net/flow.ts";
import { suite } from "../../support/suite.ts";
import { addr, dnat, flow, iptables, nodeWith, plan, rule } from "./literals.ts";

const test = suite("emulated iptables: the walk");

const client = "192.168.10.100";
const web = "10.96.0.10:80";
const accept: Target = { kind: "accept" };
const drop: Target = { kind: "drop" };
const reject: Target = { kind: "reject" };
const back: Target = { kind: "return" };
const masquerade: Target = { kind: "masquerade", randomFully: true };
const jump = (chain: string): Target => ({ kind: "jump", chain });
const goto = (chain: string): Target => ({ kind: "goto", chain });
const mark = (value: number, mask: number): Target => ({ kind: "mark", value, mask });
const marked = (value: number, mask = 0xffff_ffff): Match => ({ kind: "mark", value, mask });

const opened = async (...program: Parameters<typeof iptables>): Promise<string> =>
  (await nodeWith(iptables(...program))).open(client, web);

test("a chain that ends goes on behind the jump, and a return ends it early", async () => {
  const chains = { "nat/A": [rule(back), rule(drop)], "nat/PREROUTING": [rule(jump("A")), rule(dnat("10.0.0.1:1"))] };
  assert.equal(await opened(chains), "10.0.0.1:1");
});

test("behind a goto the walk goes on where the chain that said goto was jumped from", async () => {
  const chains = {
    "nat/A": [rule(goto("B")), rule(drop)],
    "nat/B": [rule(undefined)],
    "nat/PREROUTING": [rule(jump("A")), rule(dnat("10.0.0.1:1"))],
  };
  assert.equal(await opened(chains), "10.0.0.1:1");
});

test("a goto or return of a built-in chain leaves the packet to its policy", async () => {
  const drops = { drops: ["filter/FORWARD"] };
  assert.equal(await opened({ "filter/FORWARD": [rule(back), rule(accept)] }, drops), "drop");
  assert.equal(await opened({ "filter/A": [], "filter/FORWARD": [rule(goto("A")), rule(accept)] }, drops), "drop");
  assert.equal(await opened({ "filter/FORWARD": [rule(accept)] }, drops), "pass");
});

test("accept ends the table, not the way through the tables behind it", async () => {
  const chains = { "nat/PREROUTING": [rule(accept), rule(dnat("10.0.0.1:1"))], "filter/FORWARD": [rule(reject)] };
  assert.equal(await opened(chains), "reject");
});

test("what was rewritten can still be dropped and rejected", async () => {
  const to = { "nat/PREROUTING": [rule(dnat("10.0.0.1:1"))] };
  assert.equal(await opened({ ...to, "filter/FORWARD": [rule(drop)] }), "drop");
  assert.equal(await opened({ ...to, "filter/FORWARD": [rule(reject)] }), "reject");
});

test("a rule without a target only counts", async () => {
  assert.equal(await opened({ "nat/PREROUTING": [rule(undefined), rule(dnat("10.0.0.1:1"))] }), "10.0.0.1:1");
});

test("the mark is cleared by the mask, then turned by the value", async () => {
  const after = async (...targets: readonly Target[]): Promise<(value: number) => Promise<boolean>> => {
    const rules = targets.map((target) => rule(target));
    return async (value) => (await opened({ "nat/PREROUTING": [...rules, rule(drop, marked(value))] })) === "drop";
  };
  const or = mark(0x4000, 0x4000);
  const xor = mark(0x4000, 0);
  assert.equal(await (await after(or))(0x4000), true);
  assert.equal(await (await after(or, or))(0x4000), true);
  assert.equal(await (await after(or, xor))(0), true);
  assert.equal(await (await after(mark(0x8000_0000, 0)))(0x8000_0000), true);
  assert.equal(await (await after(mark(0xff, 0xffff_ffff), mark(0x01, 0x0f)))(0xf1), true);
});

test("a mark lasts from nat to filter and POSTROUTING, and is gone with the packet", async () => {
  const node = await nodeWith(
    iptables({
      "nat/PREROUTING": [
        rule(mark(0x4000, 0x4000), { kind: "destination-port", proto: TCP, port: 80 }),
        rule(dnat("10.0.0.1:1")),
      ],
      "nat/POSTROUTING": [rule(masquerade, marked(0x4000))],
    }),
  );
  assert.equal(node.open(client, web), "10.0.0.1:1 m");
  assert.equal(node.open(client, "10.96.0.10:81"), "10.0.0.1:1");
});

interface Way {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly passes: readonly string[];
}

const hooks = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
const own = "192.168.10.5";
const ways: readonly Way[] = [
  {
    name: "comes in and goes on",
    from: client,
    to: web,
    passes: [
      "raw/PREROUTING",
      "mangle/PREROUTING",
      "nat/PREROUTING",
      "mangle/FORWARD",
      "filter/FORWARD",
      "mangle/POSTROUTING",
      "nat/POSTROUTING",
    ],
  },
  {
    name: "comes in for the node",
    from: client,
    to: `${own}:30080`,
    passes: ["raw/PREROUTING", "mangle/PREROUTING", "nat/PREROUTING", "mangle/INPUT", "filter/INPUT", "nat/INPUT"],
  },
  {
    name: "goes out from the node",
    from: own,
    to: web,
    passes: ["raw/OUTPUT", "mangle/OUTPUT", "nat/OUTPUT", "filter/OUTPUT", "mangle/POSTROUTING", "nat/POSTROUTING"],
  },
  {
    name: "goes from the node to itself",
    from: "127.0.0.1",
    to: "127.0.0.1:30080",
    passes: [
      "raw/OUTPUT",
      "mangle/OUTPUT",
      "nat/OUTPUT",
      "filter/OUTPUT",
      "mangle/POSTROUTING",
      "nat/POSTROUTING",
      "raw/PREROUTING",
      "mangle/PREROUTING",
      "mangle/INPUT",
      "filter/INPUT",
    ],
  },
];

for (const { name, from, to, passes } of ways) {
  test(`a packet that ${name} passes the kernel's hooks in order`, async () => {
    const tables = ["raw", "mangle", "nat", "filter"];
    const everywhere = tables.flatMap((table) => hooks.map((hook) => [`${table}/${hook}`, [rule(undefined)]] as const));
    const node = await nodeWith(iptables(Object.fromEntries(everywhere)));
    const { steps, decision } = node.trace(flow(from, to));
    assert.deepEqual(
      steps.map(({ where }) => where),
      passes,
    );
    assert.equal(decision.steps, passes.length);
  });
}

test("the way behind nat is that of the new destination", async () => {
  const toSelf = { "nat/PREROUTING": [rule(dnat("192.168.10.5:8080"))], "filter/INPUT": [rule(reject)] };
  assert.equal(await opened(toSelf), "reject");
  const fromSelf = { "nat/PREROUTING": [rule(dnat("10.0.0.1:1"))], "filter/INPUT": [rule(drop)] };
  assert.equal((await nodeWith(iptables(fromSelf))).open(client, "192.168.10.5:30080"), "10.0.0.1:1");
});

test("an endpoint on the node itself sees the client: there is no POSTROUTING on that way", async () => {
  const chains = { "nat/PREROUTING": [rule(dnat("192.168.10.5:8080"))], "nat/POSTROUTING": [rule(masquerade)] };
  assert.equal(await opened(chains), "192.168.10.5:8080");
});

test("REDIRECT leads to the node: by loopback from the node, else by its address", async () => {
  const redirect = [rule({ kind: "redirect", port: 34_567 })];
  const node = await nodeWith(iptables({ "nat/PREROUTING": redirect, "nat/OUTPUT": redirect }));
  assert.equal(node.open(client, web), "192.168.10.5:34567");
  assert.equal(node.open("192.168.10.5", web), "127.0.0.1:34567");
  const bare = await nodeWith(iptables({ "nat/PREROUTING": redirect }), { nodePlan: plan("fd00::5") });
  assert.equal(bare.open(client, web), "127.0.0.1:34567");
});

test("DNAT without a port keeps the port", async () => {
  const to = { ...addr("10.0.0.1:1"), port: 0 };
  assert.equal(await opened({ "nat/PREROUTING": [rule({ kind: "dnat", to })] }), "10.0.0.1:80");
});

test("each family has rules of its own; a family without any lets everything pass", async () => {
  const six = iptables({ "nat/PREROUTING": [rule(dnat("[fd00:10::1]:8080"))] }, { family: 6 });
  const node = await nodeWith(six, { nodePlan: plan("192.168.10.5", "fd00::5") });
  assert.equal(node.open("fd00::9", "[fd00:96::a]:80"), "[fd00:10::1]:8080");
  assert.deepEqual(node.packet(flow(client, web)), { verdict: "pass", steps: 0 });
});

test("in IPv6 addresses are compared in all their bits", async () => {
  const to = (text: string): Match => ({ kind: "destination", range: { base: addr(`[${text}]:1`).ip, bits: 128 } });
  const six = iptables({ "nat/PREROUTING": [rule(dnat("[fd00:10::1]:1"), to("fd00:96::a"))] }, { family: 6 });
  const node = await nodeWith(six);
  assert.equal(node.open("fd00::9", "[fd00:96::a]:80"), "[fd00:10::1]:1");
  for (const other of ["fd00:96::b", "fd00:97::a", "fd00:96::1:a", "fd01:96::a"]) {
    assert.equal(node.open("fd00::9", `[${other}]:80`), "pass", other);
  }
});

test("steps counts the rules looked at, in every chain on the way", async () => {
  const udp: Match = { kind: "protocol", proto: UDP };
  const node = await nodeWith(
    iptables({
      "nat/PREROUTING": [rule(accept, udp), rule(accept, udp), rule(jump("A")), rule(drop)],
      "nat/A": [rule(accept, udp), rule(dnat("10.0.0.1:1"))],
      "filter/FORWARD": [rule(accept, udp)],
    }),
  );
  assert.equal(node.packet(flow(client, web)).steps, 3 + 2 + 1);
});

const refused: readonly { name: string; code: ErrorCode; chains: Parameters<typeof iptables>[0] }[] = [
  {
    name: "a jump to a chain that is not there",
    code: "RULESET_UNKNOWN_CHAIN",
    chains: { "nat/PREROUTING": [rule(jump("A"))] },
  },
  {
    name: "a goto to a chain that is not there",
    code: "RULESET_UNKNOWN_CHAIN",
    chains: { "nat/PREROUTING": [rule(goto("A"))] },
  },
  {
    name: "a jump to a chain of another table",
    code: "RULESET_UNKNOWN_CHAIN",
    chains: { "nat/PREROUTING": [rule(jump("A"))], "filter/A": [] },
  },
  { name: "a chain that jumps to itself", code: "RULESET_LOOP", chains: { "nat/A": [rule(jump("A"))] } },
  {
    name: "chains that jump in a circle",
    code: "RULESET_LOOP",
    chains: { "nat/A": [rule(jump("B"))], "nat/B": [rule(back), rule(goto("C"))], "nat/C": [rule(jump("A"))] },
  },
];

for (const { name, code, chains } of refused) {
  test(`${name} is refused before any packet comes`, async () => {
    const node = createEmulated({ random: seededRandom(1), clock: manualClock() });
    await assert.rejects(node.apply(iptables(chains), plan()), (error) => {
      assert.ok(isSluiceError(error, "DATAPLANE_FAILED"));
      assert.ok(error.cause instanceof SluiceError && error.cause.code === code, String(error.cause));
      return true;
    });
  });
}

test("the circle is named in the order of the jumps", async () => {
  const chains = { "nat/A": [rule(jump("B"))], "nat/B": [rule(jump("A"))] };
  const node = createEmulated({ random: seededRandom(1), clock: manualClock() });
  await assert.rejects(node.apply(iptables(chains), plan()), /nat\/A → nat\/B → nat\/A/);
});

test("many chains may jump to one", async () => {
  const chains = {
    "nat/PREROUTING": [rule(jump("A")), rule(jump("B")), rule(jump("C"))],
    "nat/A": [rule(jump("C"))],
    "nat/B": [rule(jump("C"))],
    "nat/C": [rule(undefined)],
  };
  assert.equal(await opened(chains), "pass");
});
