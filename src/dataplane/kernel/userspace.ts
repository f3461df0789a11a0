import { findIptables, hasIptables, type Iptables } from "../../host/iptables.ts";
import type { TableChanges } from "../../modes/iptables/changes.ts";
import { parseIptables } from "../../modes/iptables/parse.ts";
import { renderChanges } from "../../modes/iptables/render-changes.ts";
import type { IptablesRuleset } from "../../modes/iptables/ruleset.ts";
import type { ForwardTable } from "../../modes/userspace/forward-table.ts";
import { compilePortals } from "../../modes/userspace/portals.ts";
import { UDP } from "../../net/flow.ts";
import { formatIp, type Ip4 } from "../../net/ip.ts";
import type { NodePlan } from "../dataplane.ts";
import { kernelFailed } from "./commands.ts";
import { createHostSettings, type HostSettings } from "./host-settings.ts";
import type { KernelHost, Programmer } from "./programmer.ts";
import { refusedLine } from "./refused-line.ts";
import { planPortals, planPortalsRemoval } from "./userspace-plan.ts";

/** Seconds that iptables waits for its lock. */
const LOCK_SECONDS = "5";
/** What mode iptables has of its services: no portal, and a hundred thousand lines of a large cluster. */
const ofServices = /^(?::|-A )KUBE-(?:SVC|SVL|EXT|FW|SEP)-.*\n/gm;
const none: ForwardTable = { forwards: [], claims: [], bindIp: 0 as Ip4, hostIp: 0 as Ip4 };

/**
 * Puts the rules of the userspace mode's portals into a kernel, IPv4 as all of that mode: they lead traffic to the proxy
 * ports, and somebody else has to listen there. Every apply looks what is there, and changes what is different.
 */
export function createUserspaceProgrammer(host: KernelHost): Programmer<"userspace"> {
  return new PortalsProgrammer(host);
}

class PortalsProgrammer implements Programmer<"userspace"> {
  readonly #host: KernelHost;
  readonly #settings: HostSettings;
  #tools: Iptables | undefined;
  #inForce: ForwardTable | undefined;

  constructor(host: KernelHost) {
    this.#host = host;
    this.#settings = createHostSettings(host);
  }

  async apply({ table }: { readonly table: ForwardTable }, plan: NodePlan): Promise<void> {
    const tools = await this.#found();
    await this.#settings.set(plan);
    await this.#restore(tools, planPortals(compilePortals(table), await this.#saved(tools)));
    await this.#forgetGone(this.#inForce ?? none, table);
    this.#inForce = table;
  }

  async settle(): Promise<void> {}

  async intact(): Promise<boolean> {
    if (this.#tools === undefined || this.#inForce === undefined) return true;
    const missing = planPortals(compilePortals(this.#inForce), await this.#saved(this.#tools));
    return missing.length === 0;
  }

  async findLeft(): Promise<() => Promise<void>> {
    const { commands, iptables } = this.#host;
    // What a host without iptables does not have, it need not lose.
    if (!(await hasIptables(iptables, commands.netns))) return async () => {};
    const tools = await this.#found();
    const changes = planPortalsRemoval(compilePortals(none), await this.#saved(tools));
    return async () => {
      this.#tellHeld(changes);
      await this.#restore(tools, changes);
      this.#inForce = undefined;
    };
  }

  #tellHeld(changes: readonly TableChanges[]): void {
    for (const { name, empty } of changes) {
      for (const chain of empty) {
        this.#host.log.warn(`IPv4: ${name}/${chain} is emptied and stays: a rule of somebody else leads to it`);
      }
    }
  }

  async #found(): Promise<Iptables> {
    this.#tools ??= await findIptables(4, this.#host.iptables, this.#host.commands.netns);
    return this.#tools;
  }

  async #saved({ save }: Iptables): Promise<IptablesRuleset> {
    const text = await this.#host.commands.ok([save]);
    return parseIptables(text.replace(ofServices, ""), 4);
  }

  async #restore({ restore }: Iptables, changes: readonly TableChanges[]): Promise<void> {
    if (changes.length === 0) return;
    const text = renderChanges(changes, 4);
    const { exitCode, stderr } = await this.#host.commands.run([restore, "-w", LOCK_SECONDS, "--noflush"], text);
    if (exitCode === 0) return;
    const line = refusedLine(stderr, text);
    const where = line === undefined ? "" : ` refused line ${line.number}, ${JSON.stringify(line.text)}`;
    throw kernelFailed(`${restore} (IPv4)${where}: ${stderr.trim() || `exit code ${exitCode}`}`);
  }

  /**
   * Flows of UDP services that are gone would be led on to a port where nobody listens. Failing that is told, and no
   * more: the rules are in force.
   *
   * Source: kube-proxy 1.25, pkg/proxy/userspace/proxier.go, `unmergeService`.
   */
  async #forgetGone(before: ForwardTable, now: ForwardTable): Promise<void> {
    const gone = clusterIpsOf(before).filter((ip) => !clusterIpsOf(now).includes(ip));
    for (const ip of gone) {
      const argv = ["conntrack", "-D", "--orig-dst", ip, "-p", "udp"] as const;
      const { exitCode, stderr } = await this.#host.commands.run(argv).catch((error: Error) => {
        return { exitCode: null, stderr: error.message };
      });
      if (exitCode === 0 || stderr.includes("0 flow entries")) continue;
      this.#host.log.warn(`UDP flows to ${ip} are not forgotten: ${stderr.trim()}`);
    }
  }
}

/** Of UDP services. */
function clusterIpsOf({ forwards }: ForwardTable): readonly string[] {
  const portals = forwards.filter(({ proto }) => proto === UDP).flatMap((forward) => forward.portals);
  return portals.filter(({ kind }) => kind === "cluster-ip").map(({ addr }) => formatIp(addr.ip));
}
