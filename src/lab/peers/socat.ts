import { formatIp } from "../../net/ip.ts";
import type { Peer, PeerService } from "./peer.ts";

/** socat: a process a connection, and no balancing. Source: socat(1). */
export const socat: Peer = {
  what: "socat, a process a connection, all to the first endpoint",
  udp: false,
  version: ["socat", "-V"],
  start: (services) => ({ commands: services.map(commandOf) }),
};

function commandOf({ at, servers: [first] }: PeerService): [string, ...string[]] {
  const listen = `TCP-LISTEN:${at.port},bind=${formatIp(at.ip)},reuseaddr,fork,nodelay,backlog=4096`;
  return ["socat", listen, `TCP:${formatIp(first!.ip)}:${first!.port},nodelay`];
}
