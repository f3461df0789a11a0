import { type Ip, type Ip4, ipKey } from "../../../net/ip.ts";

/** A client's new connections go to the server of its last one. */
export interface Persistence {
  /** How long after its last new connection, in milliseconds; at least 0. */
  readonly timeoutMs: number;
  /** The bits that tell one client's address from another's, of the family of the virtual server. @default all */
  readonly netmask?: Ip;
}

/** A key for maps: the same for all addresses that the netmask takes for one client. */
export function clientKey(client: Ip, { netmask }: Persistence): string {
  return String(ipKey(netmask === undefined ? client : masked(client, netmask)));
}

/** A client of another family than the mask is left as it is. */
function masked(ip: Ip, mask: Ip): Ip {
  if (typeof ip === "number") return (typeof mask === "number" ? (ip & mask) >>> 0 : ip) as Ip4;
  if (typeof mask === "number") return ip;
  return {
    w0: (ip.w0 & mask.w0) >>> 0,
    w1: (ip.w1 & mask.w1) >>> 0,
    w2: (ip.w2 & mask.w2) >>> 0,
    w3: (ip.w3 & mask.w3) >>> 0,
  };
}
