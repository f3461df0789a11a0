import { type Ip, ipKey } from "../net/ip.ts";
import { maskClient } from "./client-mask.ts";

/** A client's new flows go to the backend of its last one. */
export interface PersistenceSettings {
  /** How long after its last new flow. */
  readonly timeoutMs: number;
  /** Which bits tell one client's address from another's; undefined: all. */
  readonly mask: Ip | undefined;
}

/** Where the new flows of one client go. */
export interface Template {
  /** What of the client's address counts. */
  readonly client: Ip;
  readonly backend: string;
  /** How long it is kept after a new flow. */
  readonly timeoutMs: number;
  /** When its time is over, if nothing comes meanwhile. */
  readonly untilMs: number;
  /** Flows that went by it and are not over. */
  readonly leases: number;
}

/**
 * Persistence as Linux IPVS has it, where leases stand for connections. A template leads a client to its backend as long
 * as that is in the list, also when its weight is 0 or when it is overloaded. Its time begins anew with every new flow.
 * When it is over while flows of it are open, the template stays, and its time-out is 60 s from then on.
 *
 * One that was asked for while its backend was gone leads nowhere for ever; if nobody asked, it is good again once the
 * backend is back.
 *
 * Each call is O(1). Source: Linux net/netfilter/ipvs/ip_vs_core.c, ip_vs_conn.c.
 */
export interface ClientPersistence {
  /** The template of a client, if it leads to a listed backend. Changes nothing. */
  look(client: Ip, nowMs: number, isListed: (backend: string) => boolean): Template | undefined;
  /** The same; one that leads nowhere goes. */
  find(client: Ip, nowMs: number, isListed: (backend: string) => boolean): Template | undefined;
  /** Makes the template of a client that has none that leads anywhere. */
  add(client: Ip, backend: string, nowMs: number): Template;
  /** A flow began that goes by a template. */
  opened(template: Template, nowMs: number): void;
  /** A flow that went by a template is over. */
  closed(template: Template, nowMs: number): void;
  /** All templates whose time is not over, as they stand: they go on changing. O(templates). */
  save(nowMs: number): Template[];
  /** By backend: the template of each of its open flows that goes by one. O(flows). */
  byLease(): ReadonlyMap<string, readonly Template[]>;
}

type Kept = { -readonly [K in keyof Template]: Template[K] };

/** The time-out of a template from when its time is over while flows of it are open. */
const KEPT_ON_MS = 60_000;
/** Old templates that are looked at for each new one: twice as many go as come. */
const LOOKED_AT = 2;

/** @param saved the templates to begin with, as `save` gave them. */
export function createClientPersistence(
  { timeoutMs, mask }: PersistenceSettings,
  saved: readonly Template[] = [],
): ClientPersistence {
  const keyOf = (client: Ip): number | string => ipKey(mask === undefined ? client : maskClient(client, mask));
  const templates = new Map<number | string, Kept>(saved.map((one) => [ipKey(one.client), { ...one }]));

  /** Has a template stay on, so many times in a row. */
  const keepOn = (template: Kept, times: number): void => {
    template.timeoutMs = KEPT_ON_MS;
    template.untilMs += times * KEPT_ON_MS;
  };
  /** Lets time pass for a template. @returns whether it is still there. */
  const lives = (template: Kept, nowMs: number): boolean => {
    const overMs = nowMs - template.untilMs;
    if (overMs < 0) return true;
    if (template.leases === 0) return false;
    keepOn(template, Math.floor(overMs / KEPT_ON_MS) + 1);
    return true;
  };
  const lookAtOld = (nowMs: number): void => {
    let left = LOOKED_AT;
    for (const [key, template] of templates) {
      templates.delete(key);
      if (lives(template, nowMs)) templates.set(key, template);
      if ((left -= 1) === 0) return;
    }
  };
  const look = (client: Ip, nowMs: number, isListed: (backend: string) => boolean): Kept | undefined => {
    const template = templates.get(keyOf(client));
    return template !== undefined && lives(template, nowMs) && isListed(template.backend) ? template : undefined;
  };

  return {
    look,
    find(client, nowMs, isListed) {
      const template = look(client, nowMs, isListed);
      if (template === undefined) templates.delete(keyOf(client));
      return template;
    },
    add(client, backend, nowMs) {
      lookAtOld(nowMs);
      const counted = mask === undefined ? client : maskClient(client, mask);
      const template: Kept = { client: counted, backend, timeoutMs, untilMs: nowMs + timeoutMs, leases: 0 };
      templates.set(keyOf(client), template);
      return template;
    },
    opened(template, nowMs) {
      const kept = template as Kept;
      kept.leases += 1;
      kept.untilMs = nowMs + kept.timeoutMs;
    },
    closed(template, nowMs) {
      const kept = template as Kept;
      // Where both are over at the same moment the flow goes first.
      if (kept.untilMs < nowMs) keepOn(kept, Math.ceil((nowMs - kept.untilMs) / KEPT_ON_MS));
      kept.leases -= 1;
    },
    save: (nowMs) => [...templates.values()].filter((template) => lives(template, nowMs)),
    byLease() {
      const found = new Map<string, Template[]>();
      for (const template of templates.values()) {
        const ofBackend = found.get(template.backend) ?? [];
        for (let lease = 0; lease < template.leases; lease += 1) ofBackend.push(template);
        found.set(template.backend, ofBackend);
      }
      return found;
    },
  };
}
