import { isSluiceError } from "../../core/errors.ts";
import type { Draining } from "../../modes/ipvs/plan-servers.ts";
import { planIpvs } from "../../modes/ipvs/plan.ts";
import { planIpvsCleanup } from "../../modes/ipvs/plan-cleanup.ts";
import type { KernelState } from "../../modes/ipvs/state.ts";
import type { IpvsTables } from "../../modes/ipvs/tables.ts";
import { formatSocketAddr } from "../../net/flow.ts";
import type { NodePlan } from "../dataplane.ts";
import { createStaleUdp, type StaleUdp } from "./conntrack.ts";
import { createHostSettings, type HostSettings } from "./host-settings.ts";
import { findIpvs, type IpvsTools, requireSchedulers } from "./ipvs-host.ts";
import { readOwned, readState } from "./ipvs-state.ts";
import { doSteps } from "./ipvs-steps.ts";
import type { KernelHost, Programmer } from "./programmer.ts";
import { throwAll } from "./throw-all.ts";

/**
 * Puts virtual servers, and what is around them, into a kernel. Each apply lists what the kernel holds and does what is
 * different, as kube-proxy does in this mode: so it mends whatever others did, and goes on where another apply failed.
 */
export function createIpvsProgrammer(host: KernelHost): Programmer<"ipvs"> {
  return new IpvsProgrammer(host);
}

class IpvsProgrammer implements Programmer<"ipvs"> {
  readonly #host: KernelHost;
  readonly #settings: HostSettings;
  readonly #staleUdp: StaleUdp;
  #tools: IpvsTools | undefined;
  #draining = new Set<string>();

  constructor(host: KernelHost) {
    this.#host = host;
    this.#settings = createHostSettings(host);
    this.#staleUdp = createStaleUdp(host);
  }

  async apply({ tables }: { readonly tables: readonly IpvsTables[] }, plan: NodePlan): Promise<void> {
    const { commands } = this.#host;
    if (this.#tools === undefined) {
      const found = await findIpvs(this.#host);
      await requireSchedulers(this.#host, tables);
      this.#tools = found;
    }
    const tools = this.#tools;
    await this.#settings.set(plan);
    const able = tables.filter(({ family }) => tools.has(family));
    const state = await readState(commands, tools, able);
    const outcomes: PromiseSettledResult<readonly Draining[]>[] = [];
    // Both have one IPVS, and the second finds the device and the settings that the first one made.
    for (const one of able) outcomes.push(...(await Promise.allSettled([this.#bring(one, state, tools)])));
    this.#tell(outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value : [])));
    const concerned = able.map(({ family }) => family);
    const done = concerned.filter((_, index) => outcomes[index]!.status === "fulfilled");
    await this.#staleUdp.clear(done, plan.udpServices ?? []);
    throwAll(outcomes, concerned);
  }

  /** Servers that drain are looked at by the next apply, and that comes by itself. */
  async settle(): Promise<void> {}

  /** Every apply looks for itself. */
  async intact(): Promise<boolean> {
    return true;
  }

  /** Rules go before, with those of mode iptables, whose chains have the same names: a set that a rule names stays. */
  async findLeft(): Promise<() => Promise<void>> {
    const { commands } = this.#host;
    const steps = await readOwned(commands).then(planIpvsCleanup, (error: unknown) => {
      // What a host without these commands does not have, it need not lose.
      if (isSluiceError(error, "HOST_UNABLE")) return [];
      throw error;
    });
    return async () => {
      this.#draining.clear();
      await doSteps(commands, new Map(), steps);
    };
  }

  async #bring(tables: IpvsTables, state: KernelState, tools: IpvsTools): Promise<readonly Draining[]> {
    const { steps, draining } = planIpvs(tables, state);
    await doSteps(this.#host.commands, tools, steps);
    return draining;
  }

  /** Each once. */
  #tell(draining: readonly Draining[]): void {
    const texts = new Map(draining.map((one) => [`${one.of} ${formatSocketAddr(one.server.addr)}`, one]));
    for (const [text, { of, server, connections }] of texts) {
      if (this.#draining.has(text)) continue;
      this.#host.log.info(`${of}: ${formatSocketAddr(server.addr)} drains, with ${connections} connections`);
    }
    this.#draining = new Set(texts.keys());
  }
}
