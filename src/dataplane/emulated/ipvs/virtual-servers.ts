import type { Random } from "../../../core/random.ts";
import type { IpvsTables, VirtualServer } from "../../../modes/ipvs/tables.ts";
import { type Flow, formatSocketAddr, type SocketAddr } from "../../../net/flow.ts";
import { type AddrIndex, createAddrIndex } from "../addr-index.ts";
import type { Watch } from "../decider.ts";
import { virtualServerKey } from "../pool-plan.ts";
import { virtualServerSteps } from "../pool-steps.ts";
import type { Ipvs } from "./ipvs.ts";
import { schedulerOf, type ServiceSettings, type VirtualService } from "./virtual-service.ts";

/** A virtual server of a program, and what it is in the node's IPVS. */
interface Known {
  readonly server: VirtualServer;
  readonly service: VirtualService;
}

/**
 * The virtual servers of a program in one node's IPVS. Servers come and go as with kube-proxy: new ones are added in the
 * order of the program, each to the head of its list, then weights are edited, then what is not named is removed.
 *
 * A virtual server that is gone takes no packets; what is bound to its servers is found again if it comes back.
 */
export class VirtualServers {
  readonly #ipvs: Ipvs;
  #known: ReadonlyMap<string, Known> = new Map();
  /** Those that are gone and still have connections. */
  readonly #gone = new Map<string, VirtualService>();
  #index: AddrIndex<Known> = createAddrIndex([]);

  constructor(ipvs: Ipvs) {
    this.#ipvs = ipvs;
  }

  /**
   * Reads tables whole; changes nothing.
   *
   * @returns what puts them into force.
   * @throws {SluiceError} BALANCER_INVALID for a scheduler or a flag that there is not.
   */
  prepare(tables: readonly IpvsTables[]): () => void {
    const next = new Map<string, Known>();
    for (const server of tables.flatMap(({ virtualServers }) => virtualServers)) {
      const key = virtualServerKey(server);
      if (!next.has(key)) next.set(key, { server, service: this.#serviceFor(key, server) });
    }
    return () => this.#use(next);
  }

  /** The virtual server that a flow's destination is of. O(1). */
  find(flow: Flow): VirtualService | undefined {
    return this.#index.find(flow)?.service;
  }

  /** @param key `10.96.0.1:80/TCP`. */
  get(key: string): VirtualService | undefined {
    return this.#known.get(key)?.service;
  }

  /**
   * Where a new flow would go; changes nothing.
   *
   * @returns undefined if it is no virtual server's.
   */
  trace(flow: Flow, random: Random, watch: Watch | undefined): { readonly to: SocketAddr | undefined } | undefined {
    const known = this.#index.find(flow);
    if (known === undefined) return undefined;
    const { server, service } = known;
    const chosen = this.#ipvs.peek(flow, service, random);
    const { set } = service.servers;
    const stepsOf = virtualServerSteps(server, set, (slot) => service.servers.at(slot).addr);
    for (const step of stepsOf(chosen === undefined ? "reject" : "forward", chosen?.slot)) watch?.step?.(step);
    return { to: chosen?.addr };
  }

  #serviceFor(key: string, server: VirtualServer): VirtualService {
    const settings = settingsOf(server);
    const known = this.#known.get(key)?.service ?? this.#gone.get(key);
    if (known === undefined) return this.#ipvs.createService(settings);
    schedulerOf(settings, this.#ipvs.settings);
    return known;
  }

  #use(next: ReadonlyMap<string, Known>): void {
    for (const [key, { service }] of this.#known) if (!next.has(key)) this.#withdraw(key, service);
    for (const [key, { server, service }] of next) {
      service.edit(settingsOf(server));
      if (this.#gone.delete(key)) service.servers.restart();
      this.#fill(service, server);
    }
    this.#known = next;
    this.#index = createAddrIndex(
      [...next.values()].map((known) => ({ proto: known.server.proto, addr: known.server.addr, value: known })),
    );
    for (const [key, service] of this.#gone) if (!service.servers.inUse) this.#gone.delete(key);
  }

  #withdraw(key: string, service: VirtualService): void {
    for (const server of service.servers.listed()) this.#ipvs.removeServer(service, server);
    this.#gone.set(key, service);
  }

  #fill(service: VirtualService, { servers }: VirtualServer): void {
    const wanted = new Map(servers.map((server) => [formatSocketAddr(server.addr), server]));
    for (const { addr, weight } of wanted.values()) {
      const listed = service.servers.find(addr);
      const settings = { weight, upper: 0, lower: 0 };
      if (listed === undefined) service.servers.add(addr, settings);
      else if (service.servers.weightOf(listed) !== weight) service.servers.edit(listed, settings);
    }
    for (const server of service.servers.listed()) {
      if (!wanted.has(formatSocketAddr(server.addr))) this.#ipvs.removeServer(service, server);
    }
  }
}

function settingsOf({ scheduler, flags, persistenceSeconds }: VirtualServer): ServiceSettings {
  const persistence = persistenceSeconds > 0 ? { timeoutMs: persistenceSeconds * 1000 } : undefined;
  return { scheduler, flags, persistence, onePacket: false };
}
