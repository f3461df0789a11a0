import { maskClient } from "../../../balancers/client-mask.ts";
import { type Ip, ipKey } from "../../../net/ip.ts";

/** A client's new connections go to the server of its last one. */
export interface Persistence {
  /** How long after its last new connection, in milliseconds; at least 0. */
  readonly timeoutMs: number;
  /** The bits that tell one client's address from another's, of the family of the virtual server. @default all */
  readonly netmask?: Ip;
}

/** A key for maps: the same for all addresses that the netmask takes for one client. */
export function clientKey(client: Ip, { netmask }: Persistence): string {
  return String(ipKey(netmask === undefined ? client : maskClient(client, netmask)));
}
