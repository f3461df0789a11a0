import type { Socket } from "node:net";
import { type Addon, loadAddon } from "../../../host/addon.ts";
import type { SocketAddr } from "../../../net/flow.ts";
import { ADDR_WORDS, readAddr } from "../native-engine/addr-words.ts";

/** Where the client of an accepted socket connected to, before it was redirected; undefined: it is gone. */
export type DestinationOf = (socket: Socket) => SocketAddr | undefined;

/** Node's sockets cannot be asked: the addon is. @throws {Error} where there is none. */
export function originalDestinations(load: () => Addon | string = loadAddon): DestinationOf {
  const addon = load();
  if (typeof addon === "string") throw new Error(`original destinations take the addon, and ${addon}`);
  return (socket) => {
    const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd: number } | null };
    const fd = handle?.fd ?? -1;
    const words = new Uint32Array(ADDR_WORDS);
    return fd < 0 || addon.originalDestination(fd, words) < 0 ? undefined : readAddr(words, 0);
  };
}
