import { existsSync } from "node:fs";
import { formatSocketAddr, UDP } from "../../net/flow.ts";
import type { Peer, PeerService } from "./peer.ts";

/** Where Debian has it; elsewhere it is built in. */
const STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";
/** As conntrack forgets flows of UDP: kept for ten minutes, they would use up the connections. */
const UDP_SECONDS = 30;

/** nginx's `stream`, round robin. Source: nginx.org, ngx_stream_proxy_module, ngx_stream_upstream_module. */
export const nginx: Peer = {
  what: "nginx stream, round robin",
  udp: true,
  version: ["nginx", "-v"],
  start(services, path, threads) {
    const config = [
      ...(existsSync(STREAM_MODULE) ? [`load_module ${STREAM_MODULE};`] : []),
      "daemon off;",
      ...(threads === 1 ? ["master_process off;"] : [`worker_processes ${threads};`]),
      `pid ${path}.pid;`,
      "error_log stderr crit;",
      "events { worker_connections 10000; multi_accept on; }",
      "stream {",
      "  tcp_nodelay on;",
      ...services.flatMap(serverLines),
      "}",
    ];
    return { config: `${config.join("\n")}\n`, commands: [["nginx", "-e", "stderr", "-c", path]] };
  },
};

function serverLines({ name, proto, at, servers }: PeerService): string[] {
  const listen = proto === UDP ? `udp; proxy_timeout ${UDP_SECONDS}s` : "backlog=4096";
  return [
    `  upstream ${name} { ${servers.map((server) => `server ${formatSocketAddr(server)};`).join(" ")} }`,
    `  server { listen ${formatSocketAddr(at)} ${listen}; proxy_pass ${name}; }`,
  ];
}
