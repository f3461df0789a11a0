import type { SocketAddr } from "../../../net/flow.ts";
import type { Ip4 } from "../../../net/ip.ts";

/** Words of an address as C has it: family, port, four of the IP. */
export const ADDR_WORDS = 6;

export function writeAddr(words: Uint32Array, at: number, { ip, port }: SocketAddr): void {
  words[at + 1] = port;
  if (typeof ip === "number") {
    words[at] = 4;
    words[at + 2] = ip;
    words[at + 3] = 0;
    words[at + 4] = 0;
    words[at + 5] = 0;
    return;
  }
  words[at] = 6;
  words[at + 2] = ip.w0;
  words[at + 3] = ip.w1;
  words[at + 4] = ip.w2;
  words[at + 5] = ip.w3;
}

export function readAddr(words: Uint32Array, at: number): SocketAddr {
  const port = words[at + 1]!;
  if (words[at] === 4) return { ip: words[at + 2]! as Ip4, port };
  const [w0, w1, w2, w3] = [words[at + 2]!, words[at + 3]!, words[at + 4]!, words[at + 5]!];
  return { ip: { w0, w1, w2, w3 }, port };
}
