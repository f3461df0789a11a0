import type { Flow, Protocol, SocketAddr } from "../../net/flow.ts";

/** Finds what stands at a flow's destination: protocol, address and port. O(1). */
export interface AddrIndex<T> {
  find(flow: Flow): T | undefined;
}

/** @param entries the first of several at one place stays. */
export function createAddrIndex<T>(
  entries: Iterable<{ readonly proto: Protocol; readonly addr: SocketAddr; readonly value: T }>,
): AddrIndex<T> {
  const byProtocol = new Map<Protocol, Map<number | string, T>>();
  for (const { proto, addr, value } of entries) {
    let places = byProtocol.get(proto);
    if (places === undefined) byProtocol.set(proto, (places = new Map()));
    const key = placeKey(addr.ip, addr.port);
    if (!places.has(key)) places.set(key, value);
  }
  return { find: ({ proto, dst, dstPort }) => byProtocol.get(proto)?.get(placeKey(dst, dstPort)) };
}

/** Of IPv4 a number below 2⁴⁸: no text is made on the way of a new flow. */
function placeKey(ip: SocketAddr["ip"], port: number): number | string {
  return typeof ip === "number" ? ip * 65_536 + port : `${ip.w0},${ip.w1},${ip.w2},${ip.w3},${port}`;
}
