import type { SocketAddr } from "../../../net/flow.ts";
import { tryParseIp } from "../../../net/ip.ts";

/** An address as Node's sockets tell it: of a link-local one the zone is cut off. @returns undefined: the peer is gone. */
export function peerAddr(address: string | undefined, port: number | undefined): SocketAddr | undefined {
  if (address === undefined || port === undefined) return undefined;
  const ip = tryParseIp(address.split("%")[0]!);
  return ip === undefined ? undefined : { ip, port };
}
