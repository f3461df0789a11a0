import { createSocket, type Socket, type SocketOptions } from "node:dgram";
import { type Family, familyOf } from "../../../net/ip.ts";
import type { ListenerSpec } from "../engine.ts";

/** We only ever name addresses: looking them up would cost a turn of the loop for each datagram. */
const asItIs: NonNullable<SocketOptions["lookup"]> = (address, _options, found) => found(null, address, 4);

/** A socket that sends to one endpoint. */
export function createEndpointSocket(family: Family): Socket {
  return createSocket({ type: family === 4 ? "udp4" : "udp6", lookup: asItIs });
}

/** A socket that clients send to. */
export function createListenerSocket({ at, reusePort }: Pick<ListenerSpec, "at" | "reusePort">): Socket {
  const ipv6 = familyOf(at.ip) === 6;
  const options = { ipv6Only: ipv6, reusePort, lookup: asItIs };
  return createSocket({ ...options, type: ipv6 ? "udp6" : "udp4" });
}
