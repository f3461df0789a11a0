import type { Ip } from "../../../net/ip.ts";
import { Timers } from "../timers.ts";
import { clientKey, type Persistence } from "./persistence.ts";
import type { Server, ServerList } from "./servers.ts";

/** Where the new connections of one client of a virtual server go. */
export interface Template {
  readonly key: string;
  readonly servers: ServerList;
  readonly server: Server;
}

interface Kept extends Template {
  timeoutMs: number;
  /** Connections that were opened by it and are still in the table. */
  controlled: number;
}

/** The time-out of a template from when it fires while connections of it are in the table. */
const KEPT_ON_MS = 60_000;

/**
 * The templates of all virtual servers: one for each client of each of them that is persistent, so for a firewall mark
 * one for all addresses and ports, for port 0 one for all ports.
 *
 * A template's time begins anew with every new connection. When it is over while connections of it are in the table,
 * the template stays, and its time-out is 60 s from then on, whatever the virtual server says. Templates are not counted as
 * connections.
 *
 * Source: Linux net/netfilter/ipvs/ip_vs_core.c, ip_vs_conn.c.
 */
export class Templates {
  readonly #expireQuiescent: boolean;
  readonly #timers = new Timers<Kept>();
  readonly #byClient = new Map<ServerList, Map<string, Kept>>();

  /** @param expireQuiescent whether a template does not lead to a server of weight 0. */
  constructor(expireQuiescent: boolean) {
    this.#expireQuiescent = expireQuiescent;
  }

  /** The template of a client, if it leads to a server that is in the list, overloaded or not. Changes nothing. */
  look(servers: ServerList, client: Ip, persistence: Persistence): Template | undefined {
    const template = this.#byClient.get(servers)?.get(clientKey(client, persistence));
    return template !== undefined && this.#leads(template) ? template : undefined;
  }

  /** The same; one that leads nowhere leads nowhere for ever, also when its server comes back. */
  find(servers: ServerList, client: Ip, persistence: Persistence): Template | undefined {
    const template = this.#byClient.get(servers)?.get(clientKey(client, persistence));
    if (template === undefined || this.#leads(template)) return template;
    this.#unlink(template);
    return undefined;
  }

  /** Makes the template of a client that has none that leads anywhere. */
  add(servers: ServerList, client: Ip, persistence: Persistence, server: Server): Template {
    const key = clientKey(client, persistence);
    const template: Kept = { key, servers, server, timeoutMs: persistence.timeoutMs, controlled: 0 };
    let clients = this.#byClient.get(servers);
    if (clients === undefined) this.#byClient.set(servers, (clients = new Map()));
    clients.set(key, template);
    servers.templateBound(server);
    return template;
  }

  /** A connection was opened by a template. */
  opened(template: Template, nowMs: number): void {
    const kept = template as Kept;
    kept.controlled += 1;
    this.#timers.arm(kept, nowMs, kept.timeoutMs);
  }

  /** A connection that another table had opened by a template; its time does not begin anew. */
  held(template: Template): void {
    (template as Kept).controlled += 1;
  }

  /** Has the time of a template be over in `leftMs`. */
  arm(template: Template, nowMs: number, leftMs: number): void {
    this.#timers.arm(template as Kept, nowMs, leftMs);
  }

  /** When the time of a template is over, in the clock's milliseconds. */
  endOf(template: Template): number {
    return this.#timers.endOf(template as Kept);
  }

  /** A connection that was opened by a template has left the table. */
  closed(template: Template): void {
    (template as Kept).controlled -= 1;
  }

  /** The template whose time is over first, if it is over by now, and when it was over. */
  due(nowMs: number): { readonly template: Template; readonly endMs: number } | undefined {
    const template = this.#timers.due(nowMs);
    return template && { template, endMs: this.#timers.endOf(template) };
  }

  /** The time of a template is over. */
  fire(template: Template, nowMs: number): void {
    const kept = template as Kept;
    if (kept.controlled === 0) this.#drop(kept);
    else {
      kept.timeoutMs = KEPT_ON_MS;
      this.#timers.arm(kept, nowMs, KEPT_ON_MS);
    }
  }

  /** Drops the templates of a server, whose connections have left the table. O(templates). */
  forget(servers: ServerList, server: Server): void {
    for (const template of this.#byClient.get(servers)?.values() ?? []) {
      if (template.server === server) this.#drop(template);
    }
  }

  #leads({ servers, server }: Template): boolean {
    return servers.isListed(server) && !(this.#expireQuiescent && servers.weightOf(server) === 0);
  }

  #unlink(template: Kept): void {
    const clients = this.#byClient.get(template.servers);
    if (clients?.get(template.key) !== template) return;
    clients.delete(template.key);
    if (clients.size === 0) this.#byClient.delete(template.servers);
  }

  #drop(template: Kept): void {
    this.#unlink(template);
    this.#timers.disarm(template);
    template.servers.templateUnbound(template.server);
  }
}
