import type { Socket } from "node:net";

/**
 * Ends a connection with a RST, whatever it still had to send. Does nothing to one that has ended.
 *
 * libuv cannot reset a socket while the FIN of `end` is on its way to the kernel: then the reset follows it.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  const finUnderWay = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (finUnderWay) socket.once("finish", () => resetSocket(socket));
  else socket.resetAndDestroy();
}
