import type { SocketAddr } from "../net/flow.ts";
import { type Ip, tryParseIp } from "../net/ip.ts";
import { sipHash } from "./siphash.ts";

/** Who a backend is, whatever slot it has: 64 bits, so that no two backends are taken for one. */
export interface Identity {
  /** Of a backend with an address: what IPVS hashes of a server, its address plus its port. */
  readonly low: number;
  /** A hash of its name. */
  readonly high: number;
}

const hash = sipHash(2, 4, [0, 0, 0, 0]);

/**
 * @param id any text. `10.0.0.1:80` and `[fd00::1]:80` are addresses; of others the low word, too, is a hash.
 */
export function identityOf(id: string): Identity {
  const { low, high } = hash(new TextEncoder().encode(id));
  const addr = tryParseSocketAddr(id);
  return { low: addr === undefined ? low : addressWord(addr.ip, addr.port), high };
}

/** An address as IPVS hashes it: the exclusive or of its 32-bit words, plus a port, modulo 2³²; signed. */
export function addressWord(ip: Ip, port: number): number {
  return ((typeof ip === "number" ? ip : ip.w0 ^ ip.w1 ^ ip.w2 ^ ip.w3) + port) | 0;
}

function tryParseSocketAddr(text: string): SocketAddr | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const ip = tryParseIp(bracketed ?? plain ?? "");
  return ip === undefined || Number(port) > 65_535 ? undefined : { ip, port: Number(port) };
}
