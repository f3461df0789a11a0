import { formatSocketAddr, protocolName } from "../../net/flow.ts";
import type { ServerPlace } from "./tables.ts";

/** `10.96.0.10:80/TCP`, as kube-proxy has it, or `FWM 7`, `FWM 7 IPv6`. */
export function serverKey(server: ServerPlace): string {
  if ("fwmark" in server) return `FWM ${server.fwmark}${server.family === 6 ? " IPv6" : ""}`;
  return `${formatSocketAddr(server.addr)}/${protocolName(server.proto).toUpperCase()}`;
}
