import { getSystemErrorName } from "node:util";
import type { Addon } from "../../../host/addon.ts";
import { formatSocketAddr, type SocketAddr, TCP } from "../../../net/flow.ts";
import type { ListenerSpec } from "../engine.ts";
import { ADDR_WORDS, readAddr, writeAddr } from "./addr-words.ts";

/** A socket of the addon's, or why there is none. */
export type ListeningSocket = { readonly fd: number; readonly bound: SocketAddr } | { readonly failure: string };

/** Opens a listening or a UDP socket. @param backlog connections that the kernel completes in advance. */
export function openListeningSocket(
  addon: Addon,
  { proto, at, reusePort, first }: Pick<ListenerSpec, "proto" | "at" | "reusePort" | "first">,
  backlog: number,
): ListeningSocket {
  const open = (shared: boolean): ListeningSocket => {
    const words = new Uint32Array(ADDR_WORDS);
    writeAddr(words, 0, at);
    const fd = addon.openSocket(words, proto === TCP, shared, backlog);
    if (fd < 0) return { failure: `${proto === TCP ? "listen" : "bind"} ${systemError(fd)}: ${formatSocketAddr(at)}` };
    return { fd, bound: readAddr(words, 0) };
  };
  if (!reusePort || !first || at.port === 0) return open(reusePort);
  const alone = open(false);
  if ("failure" in alone) return alone;
  addon.closeSocket(alone.fd);
  return open(true);
}

/** @param failure -errno. */
export function systemError(failure: number): string {
  return getSystemErrorName(failure);
}
