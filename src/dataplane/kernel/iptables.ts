import { isSluiceError, SluiceError } from "../../core/errors.ts";
import { hasIptables } from "../../host/iptables.ts";
import { makeCounters } from "../../host/nfacct.ts";
import { isServiceChain } from "../../modes/iptables/changes.ts";
import type { IptablesRuleset, Rule } from "../../modes/iptables/ruleset.ts";
import type { Family } from "../../net/ip.ts";
import type { NodePlan } from "../dataplane.ts";
import { createStaleUdp, type StaleUdp } from "./conntrack.ts";
import { createHostSettings, type HostSettings } from "./host-settings.ts";
import { type IptablesFamily, openIptablesFamily } from "./iptables-family.ts";
import type { KernelHost, Programmer } from "./programmer.ts";
import { throwAll } from "./throw-all.ts";

const families: readonly Family[] = [4, 6];
/** kube-proxy makes both at its start, whether or not a rule counts in them yet. */
const counterNames: readonly string[] = ["ct_state_invalid_dropped_pkts", "localhost_nps_accepted_pkts"];

/** Puts rulesets of iptables into a kernel, both families at once, each by itself. */
export function createIptablesProgrammer(host: KernelHost): Programmer<"iptables"> {
  return new IptablesProgrammer(host);
}

class IptablesProgrammer implements Programmer<"iptables"> {
  readonly #host: KernelHost;
  readonly #settings: HostSettings;
  readonly #staleUdp: StaleUdp;
  readonly #counters = new Set<string>();
  #opened: Promise<ReadonlyMap<Family, IptablesFamily>> | undefined;

  constructor(host: KernelHost) {
    this.#host = host;
    this.#settings = createHostSettings(host);
    this.#staleUdp = createStaleUdp(host);
  }

  async apply({ rulesets }: { readonly rulesets: readonly IptablesRuleset[] }, plan: NodePlan): Promise<void> {
    const open = await this.#families();
    const able = rulesets.filter(({ family }) => open.has(family));
    await this.#prepare(able, plan);
    const outcomes: PromiseSettledResult<void>[] = [];
    for (const ruleset of able) {
      // One after the other: iptables has one lock for both.
      outcomes.push(...(await Promise.allSettled([open.get(ruleset.family)!.apply(ruleset)])));
    }
    const concerned = able.map(({ family }) => family);
    const done = concerned.filter((_, index) => outcomes[index]!.status === "fulfilled");
    await this.#staleUdp.clear(done, plan.udpServices ?? []);
    throwAll(outcomes, concerned);
  }

  async settle(): Promise<void> {}

  async intact(): Promise<boolean> {
    const open: ReadonlyMap<Family, IptablesFamily> = (await this.#opened) ?? new Map();
    const all = await Promise.all(Array.from(open.values(), (family) => family.intact()));
    return all.every(Boolean);
  }

  async findLeft(all: boolean): Promise<() => Promise<void>> {
    // What a host without iptables does not have, it need not lose.
    if (!(await hasIptables(this.#host.iptables, this.#host.commands.netns))) return async () => {};
    const open = await this.#families();
    const found = await Promise.allSettled(Array.from(open.values(), (family) => family.findLeft(all)));
    return async () => {
      const takeAway = async (one: (typeof found)[number]): Promise<void> => {
        if (one.status === "rejected") throw one.reason;
        await one.value();
      };
      throwAll(await Promise.allSettled(found.map(takeAway)));
    };
  }

  /** What rules rest on: counters that they name, settings that their packets need. */
  async #prepare(rulesets: readonly IptablesRuleset[], plan: NodePlan): Promise<void> {
    const named = countersOf(rulesets);
    const wanted = named.size === 0 ? named : new Set([...named, ...counterNames]);
    const counters = [...wanted].filter((name) => !this.#counters.has(name));
    const { commands } = this.#host;
    await makeCounters(counters, commands.netns, (name) => commands.run(["nfacct", "add", name]));
    for (const name of counters) this.#counters.add(name);
    await this.#settings.set(plan);
  }

  #families(): Promise<ReadonlyMap<Family, IptablesFamily>> {
    this.#opened ??= openFamilies(this.#host).catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }
}

/** A host may lack one family, as kube-proxy puts up with; not both. */
async function openFamilies(host: KernelHost): Promise<ReadonlyMap<Family, IptablesFamily>> {
  const open = new Map<Family, IptablesFamily>();
  const missing: string[] = [];
  for (const family of families) {
    try {
      open.set(family, await openIptablesFamily(family, host));
    } catch (error) {
      if (!isSluiceError(error, "HOST_UNABLE")) throw error;
      missing.push(`IPv${family}: ${error.details.missing}`);
    }
  }
  if (open.size === 0) {
    const what = missing.join("; ");
    throw new SluiceError("HOST_UNABLE", what, { missing: what });
  }
  for (const reason of missing) host.log.warn(`left out: ${reason}`);
  return open;
}

function countersOf(rulesets: readonly IptablesRuleset[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { matches } of rulesOf(rulesets)) {
    for (const match of matches) if (match.kind === "nfacct") names.add(match.counter);
  }
  return names;
}

/** One by one, and not those that a service has to itself: none of them counts, and a large cluster has very many. */
function* rulesOf(rulesets: readonly IptablesRuleset[]): Iterable<Rule> {
  for (const { tables } of rulesets) {
    for (const { chains } of tables) for (const { name, rules } of chains) if (!isServiceChain(name)) yield* rules;
  }
}
