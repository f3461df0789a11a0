import { formatSocketAddr } from "../../net/flow.ts";
import type { Peer, PeerService } from "./peer.ts";

/** HAProxy in mode tcp, round robin. Source: HAProxy's configuration manual. */
export const haproxy: Peer = {
  what: "HAProxy in mode tcp, round robin",
  udp: false,
  version: ["haproxy", "-v"],
  start(services, path, threads) {
    const config = [
      "global",
      `  nbthread ${threads}`,
      "  maxconn 8000",
      "defaults",
      "  mode tcp",
      "  balance roundrobin",
      "  timeout connect 5s",
      "  timeout client 60s",
      "  timeout server 60s",
      ...services.flatMap(listenLines),
    ];
    return { config: `${config.join("\n")}\n`, commands: [["haproxy", "-db", "-f", path]] };
  },
};

function listenLines({ name, at, servers }: PeerService): string[] {
  const named = servers.map((server, index) => `  server s${index} ${formatSocketAddr(server)}`);
  return [`listen ${name}`, `  bind ${formatSocketAddr(at)} backlog 4096`, ...named];
}
