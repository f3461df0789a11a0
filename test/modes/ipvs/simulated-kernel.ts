import { SluiceError } from "../../../src/core/errors.ts";
import type { Chain, IptablesRuleset, Table } from "../../../src/modes/iptables/ruleset.ts";
import { renderRule } from "../../../src/modes/iptables/render.ts";
import type { IpSet } from "../../../src/modes/ipvs/ip-set.ts";
import type { ServerConnections } from "../../../src/modes/ipvs/parse-connections.ts";
import { serverKey } from "../../../src/modes/ipvs/server-key.ts";
import type { KernelState } from "../../../src/modes/ipvs/state.ts";
import type { Step } from "../../../src/modes/ipvs/steps.ts";
import type { IpvsTimeouts } from "../../../src/modes/ipvs/surroundings.ts";
import type { KernelServer, RealServer } from "../../../src/modes/ipvs/tables.ts";
import { formatSocketAddr } from "../../../src/net/flow.ts";
import type { Family, Ip } from "../../../src/net/ip.ts";
import { ipKey } from "../../../src/net/ip.ts";

interface HeldServer {
  server: KernelServer;
  readonly real: Map<string, RealServer>;
}

/** What a kernel does with steps, and what it refuses: it knows the order in which things have to be there. */
export class SimulatedKernel {
  readonly #servers = new Map<string, HeldServer>();
  readonly #sets = new Map<string, IpSet>();
  readonly #chains = new Map<string, Chain>();
  readonly #sysctls = new Map<string, number>();
  #addresses: Map<number | string, Ip> | undefined;
  #timeouts: IpvsTimeouts | undefined;
  connections: readonly ServerConnections[] = [];
  release = "6.1.0-18-amd64";

  do(step: Step): void {
    switch (step.kind) {
      case "set-sysctl":
        this.#sysctls.set(step.sysctl.path, step.sysctl.value);
        return;
      case "set-timeouts":
        this.#timeouts = step.timeouts;
        return;
      case "add-device":
        this.#addresses ??= new Map();
        return;
      case "delete-device":
        this.#addresses = undefined;
        return;
      case "add-address":
        this.#device().set(ipKey(step.address.base), step.address.base);
        return;
      case "delete-address":
        this.#device().delete(ipKey(step.address.base));
        return;
      case "add-set":
        this.#sets.set(step.set.name, step.set);
        return;
      case "replace-set":
        if (!this.#sets.has(step.set.name)) throw refused(`no set ${step.set.name} to swap`);
        this.#sets.set(step.set.name, step.set);
        return;
      case "delete-set":
        this.#sets.delete(step.name);
        return;
      case "add-virtual-server":
      case "edit-virtual-server":
        this.#hold(step.server, step.kind === "edit-virtual-server");
        return;
      case "delete-virtual-server":
        this.#servers.delete(serverKey(step.place));
        return;
      case "add-real-server":
        this.#held(serverKey(step.of)).real.set(formatSocketAddr(step.server.addr), step.server);
        return;
      case "edit-real-server": {
        const { real } = this.#held(serverKey(step.of));
        const key = formatSocketAddr(step.server.addr);
        if (!real.has(key)) throw refused(`no real server ${key}`);
        real.set(key, step.server);
        return;
      }
      case "delete-real-server":
        this.#held(serverKey(step.of)).real.delete(formatSocketAddr(step.server.addr));
        return;
      case "load-chains":
        this.#load(step.ruleset);
        return;
      case "add-jumps":
        this.#addJumps(step.ruleset);
    }
  }

  /** What others than us put there. */
  put({ server, set }: { readonly server?: KernelServer; readonly set?: IpSet }): void {
    if (server !== undefined) {
      const real = new Map(server.servers.map((one) => [formatSocketAddr(one.addr), one]));
      this.#servers.set(serverKey(server), { server, real });
    }
    if (set !== undefined) this.#sets.set(set.name, set);
  }

  state(): KernelState {
    return {
      virtualServers: [...this.#servers.values()].map(({ server, real }) =>
        Object.assign({}, server, { servers: [...real.values()] }),
      ),
      connections: this.connections,
      sets: [...this.#sets.values()],
      rules: [this.#rules(4), this.#rules(6)],
      addresses: this.#addresses && [...this.#addresses.values()],
      sysctls: this.#sysctls,
      timeouts: this.#timeouts,
      release: this.release,
    };
  }

  #device(): Map<number | string, Ip> {
    if (this.#addresses === undefined) throw refused("no device");
    return this.#addresses;
  }

  #held(key: string): HeldServer {
    const held = this.#servers.get(key);
    if (held === undefined) throw refused(`no virtual server ${key}`);
    return held;
  }

  #hold(server: KernelServer, mustBeThere: boolean): void {
    const key = serverKey(server);
    const held = mustBeThere ? this.#held(key) : this.#servers.get(key);
    if (held === undefined) this.#servers.set(key, { server, real: new Map() });
    else held.server = server;
  }

  #load({ family, tables }: IptablesRuleset): void {
    for (const { name, chains } of tables) {
      for (const chain of chains) {
        this.#askSets(chain);
        this.#chains.set(`${family} ${name} ${chain.name}`, chain);
      }
    }
  }

  #addJumps({ family, tables }: IptablesRuleset): void {
    for (const { name, chains } of tables) {
      for (const chain of chains) {
        const key = `${family} ${name} ${chain.name}`;
        const before = this.#chains.get(key)?.rules ?? [];
        const texts = new Set(before.map((rule) => renderRule(rule, family, "save")));
        const added = chain.rules.filter((rule) => !texts.has(renderRule(rule, family, "save")));
        for (const { target } of added) {
          const to = target?.kind === "jump" ? target.chain : "";
          if (!this.#chains.has(`${family} ${name} ${to}`)) throw refused(`no chain ${to}`);
        }
        this.#chains.set(key, { ...chain, rules: [...added, ...before] });
      }
    }
  }

  #askSets({ rules }: Chain): void {
    for (const match of rules.flatMap(({ matches }) => matches)) {
      if (match.kind === "set" && !this.#sets.has(match.set)) throw refused(`no set ${match.set}`);
    }
  }

  #rules(family: Family): IptablesRuleset {
    const tables = (["nat", "filter"] as const).map((name): Table => {
      const start = `${family} ${name} `;
      return { name, chains: [...this.#chains].filter(([key]) => key.startsWith(start)).map(([, chain]) => chain) };
    });
    return { family, tables };
  }
}

function refused(what: string): SluiceError<"DATAPLANE_FAILED"> {
  return new SluiceError("DATAPLANE_FAILED", what, { dataplane: "simulated", what });
}
