import { type Flow, formatSocketAddr } from "../../net/flow.ts";

/** A key for maps: equal for flows of the same protocol, addresses and ports. */
export function flowKey({ proto, src, srcPort, dst, dstPort }: Flow): string {
  const from = formatSocketAddr({ ip: src, port: srcPort });
  return `${proto} ${from} ${formatSocketAddr({ ip: dst, port: dstPort })}`;
}
