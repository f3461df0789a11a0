import { formatIp, type Ip } from "../net/ip.ts";
import { affinityTableBytes, NO_ENTRY, viewAffinityTable } from "./affinity-table.ts";
import { NO_BACKEND } from "./balancer.ts";

/** Which slot a client was sent to, when last, and until when it is sent there again, by the balancer's clock. */
export interface RememberedClient {
  readonly client: Ip;
  readonly slot: number;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** Affinity by client address: a client keeps its slot until some time after its last new flow. */
export interface ClientAffinity {
  /** The slot that a client is sent to, or NO_BACKEND. O(1). */
  find(client: Ip, nowMs: number): number;
  /** Sends a client to a slot from now on. O(1). */
  remember(client: Ip, slot: number, nowMs: number): void;
  /** Sends nobody to a slot any more. O(clients). */
  forget(slot: number): void;
  /** All that is remembered, the longest unseen client first, and of those that are alike by their addresses' texts. */
  clients(nowMs: number): RememberedClient[];
}

/** Clients that are remembered at most; where there are more, some of those not seen for long are forgotten. */
const CLIENTS = 16_384;
const TAG = 0;

/**
 * @param seconds how long a client is remembered.
 * @param clients what is remembered to begin with, as `clients` gave it.
 */
export function createClientAffinity(seconds: number, clients: readonly RememberedClient[] = []): ClientAffinity {
  const table = viewAffinityTable(new ArrayBuffer(affinityTableBytes(CLIENTS)), 0, CLIENTS);
  for (const { client, slot, sinceMs, untilMs } of clients) table.put(client, TAG, slot, sinceMs, untilMs - sinceMs);
  return {
    find(client, nowMs) {
      const slot = table.find(client, TAG, nowMs);
      return slot === NO_ENTRY ? NO_BACKEND : slot;
    },
    remember: (client, slot, nowMs) => table.put(client, TAG, slot, nowMs, seconds * 1000),
    forget: (slot) => table.forget({ value: slot }),
    clients: (nowMs) =>
      table
        .entries(nowMs)
        .map(({ client, value, sinceMs, untilMs }) => ({ client, slot: value, sinceMs, untilMs }))
        .sort((a, b) => a.sinceMs - b.sinceMs || (formatIp(a.client) < formatIp(b.client) ? -1 : 1)),
  };
}
