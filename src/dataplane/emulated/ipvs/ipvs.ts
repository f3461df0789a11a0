import type { Clock } from "../../../core/clock.ts";
import type { Random } from "../../../core/random.ts";
import { type Flow, type SocketAddr, TCP, UDP } from "../../../net/flow.ts";
import type { Ip } from "../../../net/ip.ts";
import { flowKey } from "../flow-key.ts";
import { isActive, type PacketKind } from "../flow-states.ts";
import { Timers } from "../timers.ts";
import type { Server, ServerList } from "./servers.ts";
import { type IpvsOptions, type IpvsSettings, resolveIpvsSettings } from "./settings.ts";
import { firstState, type IpvsState, nextState } from "./states.ts";
import { type Template, Templates } from "./templates.ts";
import { type ServiceSettings, VirtualService } from "./virtual-service.ts";

/** What becomes of a packet. */
export type IpvsVerdict =
  | { readonly verdict: "forward"; readonly server: Server }
  /** `reject`: no server is usable; `drop`: the connection's server was removed; `pass`: it is no packet of IPVS. */
  | { readonly verdict: "reject" | "drop" | "pass" };

/** An entry of the connection table. */
export interface IpvsConnection {
  readonly flow: Flow;
  readonly server: Server;
  readonly state: IpvsState;
  readonly openedMs: number;
}

interface Entry extends IpvsConnection {
  readonly servers: ServerList;
  readonly template: Template | undefined;
  state: IpvsState;
}

/** What a connection or a template says of a packet, and when that is over, in the clock's milliseconds. */
export type Settled = { readonly by: "connection" | "template"; readonly endMs: number } & (
  | { readonly verdict: "forward"; readonly server: Server }
  | { readonly verdict: "drop" }
);

/** Where an `Ipvs` gets time and chance from. */
export interface IpvsSources {
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * The IPVS of one node: the connection table and the templates of its virtual servers, packet by packet, as a kernel
 * that masquerades (`ipvsadm -m`) has them. Time passes only by the clock.
 *
 * Not emulated: SCTP's states, forwarding by tunnel or directly, FTP, SIP, the synchronisation of two nodes, secure_tcp,
 * sloppy_tcp, and dropping at random when memory is short.
 *
 * Source: Linux net/netfilter/ipvs/ip_vs_core.c, ip_vs_conn.c, ip_vs_ctl.c.
 */
export class Ipvs {
  readonly settings: IpvsSettings;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #entries = new Map<string, Entry>();
  readonly #timers = new Timers<Entry>();
  readonly #templates: Templates;

  constructor({ clock, random }: IpvsSources, options: IpvsOptions = {}) {
    this.settings = resolveIpvsSettings(options);
    this.#clock = clock;
    this.#random = random;
    this.#templates = new Templates(this.settings.expireQuiescentTemplate);
  }

  /** A virtual server without real servers. @throws {SluiceError} BALANCER_INVALID for an unknown scheduler or flag. */
  createService(settings: ServiceSettings): VirtualService {
    return new VirtualService(settings, this.settings, this.#random);
  }

  /** Takes a server out of its list, and what leads to it out of the table where the settings say so. */
  removeServer({ servers }: VirtualService, server: Server): void {
    const { expireNodestConn, gracefulRemoval } = this.settings;
    servers.remove(server);
    if (!servers.isBound(server)) return;
    const its = [...this.#entries.values()].filter((entry) => entry.server === server);
    const goes = ({ flow }: Entry): boolean => (gracefulRemoval ? flow.proto === UDP : expireNodestConn);
    const gone = its.filter(goes);
    for (const entry of gone) this.#forget(entry);
    if (expireNodestConn && gone.length === its.length) this.#templates.forget(servers, server);
  }

  /**
   * Lets a packet pass. One that opens a connection goes to a server of `service`, further ones go where it went.
   *
   * @param flow as the client sees it, also for packets of the server.
   * @param service the virtual server that the flow's destination, or its mark, is of, if any.
   */
  packet(flow: Flow, kind: PacketKind, service: VirtualService | undefined): IpvsVerdict {
    this.expire();
    const known = this.#entries.get(flowKey(flow));
    if (known !== undefined && !this.#isScheduledAgain(known, kind)) return this.#send(known, kind);
    const opens = kind === "open" || (kind === "request" && flow.proto !== TCP);
    const verdict = opens && service !== undefined ? this.#schedule(flow, service) : passed;
    // Its timer runs only once this packet is through: the scheduler still saw it counted.
    if (known !== undefined) this.#forget(known);
    return verdict;
  }

  /**
   * What is settled about a packet before any scheduler is asked: by its connection, or by its client's template.
   * Changes nothing.
   *
   * @returns undefined where nothing is.
   */
  settled(flow: Flow, kind: PacketKind, { servers, settings }: VirtualService): Settled | undefined {
    this.expire();
    const known = this.#entries.get(flowKey(flow));
    if (known !== undefined && !this.#isScheduledAgain(known, kind)) {
      const by = { by: "connection", endMs: this.#timers.endOf(known) } as const;
      return this.#reaches(known, kind)
        ? { verdict: "forward", server: known.server, ...by }
        : { verdict: "drop", ...by };
    }
    const { persistence } = settings;
    const template = persistence && this.#templates.look(servers, flow.src, persistence);
    if (template === undefined) return undefined;
    return { verdict: "forward", server: template.server, by: "template", endMs: this.#templates.endOf(template) };
  }

  /**
   * Puts a connection into the table as another table had it, and counts it.
   *
   * @param addr of its server, which may have been removed.
   * @param leftMs until it leaves the table.
   */
  restore(flow: Flow, service: VirtualService, addr: SocketAddr, state: IpvsState, leftMs: number): void {
    const { servers, settings } = service;
    const nowMs = this.#clock.nowMs();
    const template = settings.persistence && this.#templates.look(servers, flow.src, settings.persistence);
    withServer(servers, addr, (server) => {
      const its = template?.server === server ? template : undefined;
      const entry: Entry = { flow, servers, server, template: its, state, openedMs: nowMs };
      this.#entries.set(flowKey(flow), entry);
      servers.opened(server, isActive(state));
      if (its !== undefined) this.#templates.held(its);
      this.#timers.arm(entry, nowMs, leftMs);
    });
  }

  /** The same for the template of a client; of a virtual server without persistence there is none. */
  restoreTemplate(client: Ip, { servers, settings }: VirtualService, addr: SocketAddr, leftMs: number): void {
    const { persistence } = settings;
    if (persistence === undefined) return;
    withServer(servers, addr, (server) => {
      const template = this.#templates.add(servers, client, persistence, server);
      this.#templates.arm(template, this.#clock.nowMs(), leftMs);
    });
  }

  /** The server to which a new flow would go, by a random source of its own; changes nothing. O(servers). */
  peek(flow: Flow, { servers, settings: { persistence } }: VirtualService, random: Random): Server | undefined {
    this.expire();
    const template = persistence && this.#templates.look(servers, flow.src, persistence);
    return template?.server ?? servers.peek(flow, this.#clock.nowMs(), random);
  }

  find(flow: Flow): IpvsConnection | undefined {
    this.expire();
    return this.#entries.get(flowKey(flow));
  }

  /** All connections, the one opened longest ago first. */
  connections(): readonly IpvsConnection[] {
    this.expire();
    return [...this.#entries.values()];
  }

  /** When a connection leaves the table unless another packet comes, in the clock's milliseconds. */
  endOf(connection: IpvsConnection): number {
    return this.#timers.endOf(connection as Entry);
  }

  /** Has a connection leave the table, as if its time were over. */
  forget(connection: IpvsConnection): void {
    this.#forget(connection as Entry);
  }

  /** Takes out what is over by now, in the order of time. Every other method does so by itself. */
  expire(): void {
    const nowMs = this.#clock.nowMs();
    for (;;) {
      const entry = this.#timers.due(nowMs);
      const fired = this.#templates.due(nowMs);
      // At the same moment the connection goes first: its timer was started last.
      if (entry !== undefined && (fired === undefined || this.#timers.endOf(entry) <= fired.endMs)) this.#forget(entry);
      else if (fired !== undefined) this.#templates.fire(fired.template, fired.endMs);
      else return;
    }
  }

  #isScheduledAgain({ flow, state, servers, server, template }: Entry, kind: PacketKind): boolean {
    if (flow.proto !== TCP || kind !== "open") return false;
    if (this.settings.expireNodestConn && servers.weightOf(server) === 0) return true;
    const over = state === "TIME_WAIT" || state === "CLOSE";
    return over && this.settings.reuseConnections && template === undefined;
  }

  #reaches({ servers, server }: Entry, kind: PacketKind): boolean {
    return isOfServer(kind) || servers.isListed(server) || this.settings.gracefulRemoval;
  }

  #send(entry: Entry, kind: PacketKind): IpvsVerdict {
    const { servers, server } = entry;
    if (!this.#reaches(entry, kind)) return dropped;
    const before = entry.state;
    this.#enter(entry, nextState(before, kind));
    if (isActive(before) !== isActive(entry.state)) servers.moved(server, isActive(entry.state));
    return { verdict: "forward", server };
  }

  #schedule(flow: Flow, { servers, settings }: VirtualService): IpvsVerdict {
    const { persistence, onePacket } = settings;
    const known = persistence && this.#templates.find(servers, flow.src, persistence);
    const server = known?.server ?? servers.pick(flow, this.#clock.nowMs());
    if (server === undefined) return rejected;
    const template = known ?? (persistence && this.#templates.add(servers, flow.src, persistence, server));
    const entry = this.#open(flow, servers, server, template);
    if (onePacket && flow.proto === UDP) this.#forget(entry);
    return { verdict: "forward", server };
  }

  #open(flow: Flow, servers: ServerList, server: Server, template: Template | undefined): Entry {
    const openedMs = this.#clock.nowMs();
    const entry: Entry = { flow, servers, server, template, state: firstState(flow.proto), openedMs };
    const key = flowKey(flow);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    servers.opened(server, isActive(entry.state));
    if (template !== undefined) this.#templates.opened(template, openedMs);
    this.#enter(entry, entry.state);
    return entry;
  }

  #enter(entry: Entry, state: IpvsState): void {
    entry.state = state;
    this.#timers.arm(entry, this.#clock.nowMs(), this.settings.timeoutsMs[state]);
  }

  #forget(entry: Entry): void {
    const { flow, servers, server, template, state } = entry;
    const key = flowKey(flow);
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    this.#timers.disarm(entry);
    servers.closed(server, isActive(state));
    if (template !== undefined) this.#templates.closed(template);
  }
}

const passed: IpvsVerdict = Object.freeze({ verdict: "pass" });
const dropped: IpvsVerdict = Object.freeze({ verdict: "drop" });
const rejected: IpvsVerdict = Object.freeze({ verdict: "reject" });

/** Only packets of clients look for a server. */
function isOfServer(kind: PacketKind): boolean {
  return kind === "reply" || kind === "server-fin" || kind === "server-rst";
}

/** Does something to a server of the list, or to one that was removed from it and is still bound. */
function withServer(servers: ServerList, addr: SocketAddr, bind: (server: Server) => void): void {
  const listed = servers.find(addr);
  const server = listed ?? servers.add(addr, { weight: 1, upper: 0, lower: 0 });
  bind(server);
  if (listed === undefined) servers.remove(server);
}
