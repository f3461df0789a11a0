import type { Ip } from "../../../net/ip.ts";
import type { Routing } from "./host-node.ts";

/** The interface that packets come in by. */
export interface Entry {
  /** Empty: the node sends them itself. */
  readonly device: string;
  /** No way leads back to their source, so any interface may be it. */
  readonly isGuessed: boolean;
}

/** Packets come by the way back to their source; where there is none, by the first interface with an address. */
export function entryOf(routing: Routing, source: Ip): Entry {
  if (routing.isLocal(source)) return { device: "", isGuessed: false };
  const device = routing.route(source)?.device ?? "";
  if (device !== "") return { device, isGuessed: false };
  const { interfaces } = routing.node;
  const some = interfaces.find(({ name, addresses }) => name !== "lo" && addresses.length > 0) ?? interfaces[0];
  return { device: some?.name ?? "eth0", isGuessed: true };
}
