/**
 * What chance decides, in a kernel of its own: each way of the emulator's tree is forced there, and comes out as the
 * emulator says; and packets that are left to chance are shared out by the tree's probabilities.
 */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Choices } from "../../../../src/dataplane/emulated/netfilter/choices.ts";
import { isZero, toNumber } from "../../../../src/dataplane/emulated/netfilter/fraction.ts";
import type { EmulatedNode } from "../../../../src/dataplane/emulated/netfilter/node.ts";
import { parseIpAddr, parseIpRoute } from "../../../../src/dataplane/emulated/netfilter/parse-ip-json.ts";
import { assembleNode, type NodeParts } from "../../../../src/explain/assemble-node.ts";
import { tracePacket } from "../../../../src/explain/trace-packet.ts";
import { exec, execOk } from "../../../../src/host/exec.ts";
import { chiSquareTail } from "../../../../src/measure/chi-square.ts";
import { parseIptables } from "../../../../src/modes/iptables/parse.ts";
import { renderRule } from "../../../../src/modes/iptables/render.ts";
import { parseSets } from "../../../../src/modes/ipvs/parse-sets.ts";
import { parseNftables } from "../../../../src/modes/nftables/parse.ts";
import { formatIp, parseIp } from "../../../../src/net/ip.ts";
import { runs, seed } from "../../../support/seed.ts";
import { suite } from "../../../support/suite.ts";
import { anyTrial, setCommands } from "./any-iptables.ts";
import { anyNftTrial } from "./any-nftables.ts";
import { expectedEnds, type KernelEnd, sameArrival, sameCounts, walksOf } from "./expected-ends.ts";
import type { Counts } from "./follow-packets.ts";
import {
  forceIptables,
  forceNftables,
  forceNftJson,
  nameDraws,
  nftDrawsOf,
  type Draw,
  drawsOf,
  type Values,
  waysThrough,
} from "./forced-picks.ts";
import { type KernelNetwork, openKernelNetwork } from "./kernel-network.ts";
import type { TrialPacket } from "./trial-packet.ts";

const network = await openKernelNetwork();
const test = suite("netfilter emulator: random picks in the kernel", { timeoutMs: 1_800_000 });

/** How many ways are forced in the kernel, of each front end. */
const FORCED = runs(1000, 8);
/** A packet with more is passed over: the others tell as much. */
const MOST_WAYS = 24;
const PACKETS = 6;

/** One front end: how its rules are loaded, forced, listed and counted. */
interface FrontEnd {
  trials(count: number): readonly { readonly rules: string; readonly packets: readonly TrialPacket[] }[];
  force(rules: string, values: Values): string;
  /** The same in what the kernel lists. */
  forceListed(listed: string, values: Values): string;
  drawsOf(rule: string): readonly Draw[];
  /** Puts the rules in the place of those before, with all counters at 0. */
  load(kernel: KernelNetwork, rules: string): Promise<void>;
  /** @returns the rules as the kernel lists them, with their counters. */
  list(kernel: KernelNetwork, rules: string): Promise<string>;
  partsOf(listed: string): Partial<NodeParts>;
  /** How often each rule counted, where it did. */
  countsIn(listed: string): Counts;
  nameOf(where: string, rule: string): string | undefined;
}

/** Rules are the same ones whatever they draw. */
const anyChance = (text: string): string => text.replace(/--probability [\d.]+/, "--probability P");

const tableNames = ["raw", "mangle", "nat", "filter"];
const emptyTable = (name: string): string => `*${name}\nCOMMIT\n`;

function add(counts: Map<string, number>, rule: string, count: number): void {
  if (count > 0) counts.set(rule, (counts.get(rule) ?? 0) + count);
}

const iptables: FrontEnd = {
  trials: (count) =>
    fc.sample(anyTrial(PACKETS), { seed, numRuns: count }).map(({ rules, packets }) => ({
      rules: nameDraws(rules),
      packets,
    })),
  force: forceIptables,
  forceListed: forceIptables,
  drawsOf,
  async load(kernel, rules) {
    const others = tableNames.filter((name) => !rules.includes(`*${name}\n`)).map(emptyTable);
    await execOk([...kernel.node.through, "iptables-restore"], { input: others.join("") + rules });
  },
  list: (kernel) => kernel.node.run("iptables-save", "-c"),
  partsOf: (listed) => ({ iptables: [parseIptables(listed, 4)], sets: parseSets(setCommands) }),
  countsIn(listed) {
    const { tables } = parseIptables(listed, 4);
    const all = new Map<string, number>();
    for (const { name, chains } of tables) {
      for (const chain of chains) {
        for (const rule of chain.rules) {
          const text = `-A ${chain.name} ${renderRule(rule, 4, "save")}`.trimEnd();
          add(all, anyChance(`${name}/${chain.name} ${text}`), Number(rule.counters?.packets ?? 0n));
        }
      }
    }
    return all;
  },
  nameOf: (where, rule) => anyChance(`${where} ${rule}`),
};

const familyIn = (rules: string): string => rules.split(" ")[1]!;

const nftables: FrontEnd = {
  trials: (count) => fc.sample(anyNftTrial(PACKETS), { seed, numRuns: count }),
  force: forceNftables,
  forceListed: forceNftJson,
  drawsOf: nftDrawsOf,
  async load(kernel, rules) {
    const none = ["ip", "inet"].map((family) => `table ${family} trial {}\ndelete table ${family} trial\n`);
    await execOk([...kernel.node.through, "nft", "-f", "-"], { input: none.join("") + rules });
  },
  list: (kernel, rules) => kernel.node.run("nft", "-j", "list", "table", familyIn(rules), "trial"),
  partsOf: (listed) => ({ nftables: parseNftables(listed, "nft -j list table") }),
  countsIn(listed) {
    const { tables } = parseNftables(listed, "nft -j list table");
    const all = new Map<string, number>();
    for (const { comment = "", statements } of tables.flatMap(({ chains }) => chains.flatMap((chain) => chain.rules))) {
      for (const statement of statements) if (statement.kind === "counter") add(all, comment, statement.packets ?? 0);
    }
    return all;
  },
  nameOf: (_, rule) => /comment "(r\d+)"/.exec(rule)?.[1],
};

interface Host {
  readonly kernel: KernelNetwork;
  readonly known: Pick<NodeParts, "addresses" | "interfaces" | "routes">;
}

async function hostOf(kernel: KernelNetwork): Promise<Host> {
  const interfaces = parseIpAddr(await kernel.node.run("ip", "-j", "addr"));
  const routes = parseIpRoute(await kernel.node.run("ip", "-j", "route"));
  return { kernel, known: { addresses: [], interfaces, routes } };
}

/** Each pick goes the first way that it can. */
const firstWays: Choices = { draw: (chances) => chances.findIndex(({ exact }) => !isZero(exact)), doubt: () => false };

/** The picks of the rules that a packet passes, in order, whether or not the rest of their conditions holds. */
function metBy(node: EmulatedNode, packet: TrialPacket, front: FrontEnd): readonly Draw[] {
  const walks = walksOf(node, packet, firstWays, true);
  return walks.flatMap((one) => one?.walk.steps ?? []).flatMap(({ rule }) => front.drawsOf(rule()));
}

function canonical({ counted, arrived }: KernelEnd): string {
  const places = arrived.map(({ at, src, dst, dstPort }) => [at, src, dst, dstPort]);
  return JSON.stringify([[...counted].sort(([a], [b]) => (a < b ? -1 : 1)), places]);
}

/** One that was sent, and what must come of it. */
interface Sent {
  readonly packet: TrialPacket;
  readonly end: KernelEnd;
  readonly text: string;
}

/** Forces ways in a kernel: each packet comes from a port of its own, so that no way sees what another left behind. */
class Forcer {
  readonly #front: FrontEnd;
  readonly #host: Host;
  /** Above all ports that packets go to: an answer from one of those would look like a packet of ours. */
  #port = 31_000;
  #sent: Sent[] = [];

  constructor(front: FrontEnd, host: Host) {
    this.#front = front;
    this.#host = host;
  }

  /** Forces every way of each packet. @returns how many packets had some, and how many ways. */
  async forceAll(rules: string, packets: readonly TrialPacket[]): Promise<[packets: number, ways: number]> {
    const { kernel } = this.#host;
    await this.#front.load(kernel, rules);
    const listed = await this.#front.list(kernel, rules);
    const counts: number[] = [];
    for (const packet of packets) counts.push(await this.#forceWays(rules, listed, packet));
    await this.#assertArrivals();
    return [counts.filter((count) => count > 0).length, counts.reduce((sum, count) => sum + count, 0)];
  }

  async #forceWays(rules: string, listed: string, given: TrialPacket): Promise<number> {
    const front = this.#front;
    const packet = { ...given, srcPort: this.#port };
    const met = new Map<Values, readonly Draw[]>();
    const ways = waysThrough((values) => {
      met.set(values, metBy(this.#nodeOf(front.forceListed(listed, values)), packet, front));
      return met.get(values)!;
    }, MOST_WAYS);
    // A rule that is met twice draws twice: it cannot be forced to draw two things.
    const isMetTwice = [...met.values()].some((all) => new Set(all.map(({ name }) => name)).size < all.length);
    if (ways === undefined || ways.length < 2 || isMetTwice) return 0;
    const ends = (srcPort: number): readonly string[] =>
      expectedEnds(this.#nodeOf(listed), { ...packet, srcPort }, front.nameOf)
        .map(canonical)
        .sort();
    const all = ends(this.#port);
    // A rule that hashes the port, also as that of a reset which answers, or reads its bits makes another tree for each.
    const isAlike = ways.every((_, at) => ends(this.#port + at).join() === all.join());
    if (!isAlike) return 0;
    const tree = new Set(all);
    const found = new Set<string>();
    for (const values of ways) found.add(canonical(await this.#force(front.force(rules, values), packet)));
    // The same ends as those of the tree, no more and no fewer.
    assert.deepEqual([...found].sort(), [...tree].sort(), `seed ${seed}: ${JSON.stringify(packet)}\n${rules}`);
    return ways.length;
  }

  /**
   * Sends the packet through rules that leave nothing to chance. A busy host may lose a packet, or keep one for long: it is
   * sent again, from another port and through the same rules loaded anew, where a disagreement would stay.
   *
   * @returns the one end that it has.
   */
  async #force(text: string, packet: TrialPacket): Promise<KernelEnd> {
    for (let left = SENDINGS - 1; ; left -= 1) {
      const { sent, listed } = await this.#send(text, packet);
      if (sameCounts(sent.end.counted, this.#front.countsIn(listed))) {
        this.#sent.push(sent);
        return sent.end;
      }
      const said = `seed ${seed}: ${JSON.stringify(sent.packet)}: ${canonical(sent.end)}`;
      assert.ok(left > 0, `${said}\nthe kernel:\n${listed}`);
    }
  }

  /** @returns what must come of it, and the rules with what they have counted. */
  async #send(text: string, { from, ...rest }: TrialPacket): Promise<{ sent: Sent; listed: string }> {
    const front = this.#front;
    const { kernel } = this.#host;
    const packet = { ...rest, from, srcPort: this.#port };
    this.#port += 1;
    await front.load(kernel, text);
    await kernel.send(from, packet);
    let listed = await front.list(kernel, text);
    const ends = expectedEnds(this.#nodeOf(listed), packet, front.nameOf);
    assert.equal(ends.length, 1, `seed ${seed}: ${JSON.stringify(packet)}: ${ends.map(canonical).join("\n")}\n${text}`);
    const [end] = ends as [KernelEnd];
    for (let turn = 0; turn < LISTINGS && !sameCounts(end.counted, front.countsIn(listed)); turn += 1) {
      listed = await front.list(kernel, text);
    }
    return { sent: { packet, end, text }, listed };
  }

  /** Holds where the packets came in against where they should have; the last ones may still be on their way. */
  async #assertArrivals(): Promise<void> {
    const sent = this.#sent;
    this.#sent = [];
    const wanted = sent.filter(({ end }) => end.arrived.length > 0).length;
    const arrived = wanted === 0 ? [] : await allArrived(this.#host.kernel, wanted);
    for (const { packet, end, text } of sent) {
      const seen = arrived.filter(({ srcPort }) => srcPort === packet.srcPort);
      const said = JSON.stringify({ packet, kernel: seen, emulator: end.arrived });
      assert.ok(sameArrival(end, seen), `seed ${seed}: ${said}\n${text}`);
    }
  }

  #nodeOf(listed: string): EmulatedNode {
    return assembleNode({ ...this.#host.known, ...this.#front.partsOf(listed) }).node;
  }
}

/** So often the kernel is asked whether it has counted a packet. */
const LISTINGS = 100;
const SENDINGS = 3;

async function forceMany(front: FrontEnd, host: Host): Promise<[ways: number, packets: number]> {
  const forcer = new Forcer(front, host);
  let [ways, packets] = [0, 0];
  await host.kernel.forget();
  await host.kernel.arrived();
  for (const { rules, packets: some } of front.trials(FORCED)) {
    if (ways >= FORCED) break;
    const [more, count] = await forcer.forceAll(rules, some);
    packets += more;
    ways += count;
  }
  return [ways, packets];
}

/** Four servers with shares of their own, and a rest that no rule sends on. */
const shared = {
  iptables: `*nat
:PREROUTING ACCEPT [0:0]
:PICK - [0:0]
-A PREROUTING -d 10.96.0.1/32 -p udp -j PICK
-A PICK -p udp -m statistic --mode random --probability 0.10000000009 -j DNAT --to-destination 10.2.0.2:53
-A PICK -p udp -m statistic --mode random --probability 0.33333333349 -j DNAT --to-destination 10.2.0.3:53
-A PICK -p udp -m statistic --mode random --probability 0.50000000000 -j DNAT --to-destination 10.2.0.4:53
-A PICK -p udp -m statistic --mode random --probability 0.75000000000 -j DNAT --to-destination 10.2.0.5:53
COMMIT
`,
  nftables: `table ip trial {
  chain last {
    udp dport 53 dnat to numgen random mod 5 map { 0 : 10.2.0.3 . 53, 1 : 10.2.0.3 . 53, 2 : 10.2.0.4 . 53, 3 : 10.2.0.5 . 53 }
  }
  chain pick {
    numgen random mod 3 vmap { 0 : goto last, 1 : goto last }
    udp dport 53 dnat to 10.2.0.2:53
  }
  chain start {
    type nat hook prerouting priority -100;
    ip daddr 10.96.0.1 meta l4proto udp jump pick
  }
}
`,
};

/** A right kernel is called wrong once in a million times. */
const UNLIKELY = 1e-6;

async function assertShares(front: FrontEnd, host: Host, rules: string): Promise<string> {
  const { kernel, known } = host;
  await front.load(kernel, rules);
  const listed = await front.list(kernel, rules);
  const { node } = assembleNode({ ...known, ...front.partsOf(listed) });
  const packet = { proto: 17, src: "10.1.0.2", srcPort: 20_000, dst: "10.96.0.1", dstPort: 53 } as const;
  const head = { ...packet, src: parseIp(packet.src), dst: parseIp(packet.dst) };
  const { outcomes } = tracePacket(node, head, { inInterface: "c0" });
  await kernel.forget();
  await kernel.arrived();
  const sent = runs(4000, 300);
  for (let n = 0; n < sent; n += 1) await kernel.send("client", { ...packet, srcPort: 20_000 + n });
  const seen = new Map<string, number>();
  for (const { dst } of await allArrived(kernel, sent)) seen.set(dst, (seen.get(dst) ?? 0) + 1);
  const cells = outcomes.map(({ to, exact }) => {
    const expected = toNumber(exact) * sent;
    return { place: formatIp(to.ip), expected, seen: seen.get(formatIp(to.ip)) ?? 0 };
  });
  assert.equal(
    cells.reduce((sum, cell) => sum + cell.seen, 0),
    sent,
    "each packet arrives at one of the ends",
  );
  const statistic = cells.reduce((sum, cell) => sum + (cell.seen - cell.expected) ** 2 / cell.expected, 0);
  const chance = chiSquareTail(statistic, cells.length - 1);
  const text = `${cells.map(({ place, expected, seen: n }) => `${place} ${n}/${expected.toFixed(1)}`).join(", ")}: chance ${chance.toPrecision(2)}`;
  assert.ok(cells.length > 3 && chance > UNLIKELY, text);
  return text;
}

/** The last ones may still be on their way. */
async function allArrived(
  kernel: KernelNetwork,
  count: number,
): Promise<Awaited<ReturnType<KernelNetwork["arrived"]>>> {
  const all = [...(await kernel.arrived())];
  for (let turn = 0; turn < 100 && all.length < count; turn += 1) all.push(...(await kernel.arrived()));
  return all;
}

/** Takes out what another test left in iptables; the sets of the trials are there. */
async function clear({ node }: KernelNetwork): Promise<void> {
  await execOk([...node.through, "iptables-restore"], { input: tableNames.map(emptyTable).join("") });
  await execOk([...node.through, "ipset", "restore", "-exist"], { input: setCommands });
  for (const family of ["ip", "inet"]) await exec([...node.through, "nft", "delete", "table", family, "trial"]);
}

const titles = {
  forced: (name: string) => `${name}: ${FORCED} forced ways, each as the emulator's tree has it`,
  shares: (name: string) => `${name}: packets are shared out as the tree's probabilities say`,
};
const fronts = [
  ["iptables", iptables],
  ["nftables", nftables],
] as const;

if (typeof network === "string") {
  for (const [name] of fronts) for (const title of Object.values(titles)) test.skip(title(name), network);
} else {
  test.after(() => network.close());
  for (const [name, front] of fronts) {
    test(titles.forced(name), async () => {
      await clear(network);
      const host = await hostOf(network);
      const [ways, packets] = await forceMany(front, host);
      console.log(`${name}: ${ways} ways of ${packets} packets`);
      assert.ok(ways >= FORCED, `only ${ways}`);
    });
    test(titles.shares(name), async () => {
      await clear(network);
      console.log(await assertShares(front, await hostOf(network), shared[name]));
    });
  }
}
