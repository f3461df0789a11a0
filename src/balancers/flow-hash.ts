import type { Flow } from "../net/flow.ts";
import type { Ip } from "../net/ip.ts";
import { choiceOption, type OptionReader } from "./definition.ts";
import { absorb, finish } from "./murmur3.ts";

/** What of a flow decides where it goes: flows with the same key go to the same backend. */
export const flowKeys = ["source", "source-port", "destination", "flow"] as const;
export type FlowKey = (typeof flowKeys)[number];

/** Option `flowKey`: the client's address, with its port, the address asked for, or the whole 5-tuple. @default "source" */
export const flowKeyOption: OptionReader<FlowKey> = choiceOption("source", flowKeys);

/** @returns a function that hashes a flow to a signed 32-bit number. It allocates nothing. */
export function flowHash(key: FlowKey): (flow: Flow) => number {
  switch (key) {
    case "source":
      return ({ src }) => finish(absorbIp(0, src), wordsOf(src));
    case "source-port":
      return ({ src, srcPort }) => finish(absorb(absorbIp(0, src), srcPort), wordsOf(src) + 1);
    case "destination":
      return ({ dst }) => finish(absorbIp(0, dst), wordsOf(dst));
    case "flow":
      return ({ src, srcPort, dst, dstPort, proto }) => {
        const addresses = absorbIp(absorbIp(0, src), dst);
        return finish(absorb(absorb(addresses, (srcPort << 16) | dstPort), proto), wordsOf(src) + wordsOf(dst) + 2);
      };
  }
}

function absorbIp(hash: number, ip: Ip): number {
  if (typeof ip === "number") return absorb(hash, ip);
  return absorb(absorb(absorb(absorb(hash, ip.w0), ip.w1), ip.w2), ip.w3);
}

function wordsOf(ip: Ip): number {
  return typeof ip === "number" ? 1 : 4;
}
