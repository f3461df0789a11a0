import { connect, type Socket } from "node:net";
import type { SocketAddr } from "../../../net/flow.ts";
import { formatIp } from "../../../net/ip.ts";

/** Bytes that wait in a socket before its source is told to stop. */
export const SOCKET_BUFFER_BYTES = 65_536;

/**
 * Connects to an endpoint.
 *
 * @param timeoutMs 0: the host's own, about two minutes.
 * @param done gets the connected socket, paused and without an error handler; or undefined when the endpoint refused,
 *   could not be reached or did not answer in time.
 */
export function dial({ ip, port }: SocketAddr, timeoutMs: number, done: (socket: Socket | undefined) => void): Socket {
  const socket = connect({
    host: formatIp(ip),
    port,
    allowHalfOpen: true,
    noDelay: true,
    highWaterMark: SOCKET_BUFFER_BYTES,
  } as Parameters<typeof connect>[0] & object);
  socket.pause();
  const timer = timeoutMs > 0 ? setTimeout(() => socket.destroy(), timeoutMs) : undefined;
  // A failure is told by `close`, which follows every error and the time-out alike.
  const ignoreError = (): void => {};
  const failed = (): void => {
    clearTimeout(timer);
    done(undefined);
  };
  socket.on("error", ignoreError);
  socket.once("close", failed);
  socket.once("connect", () => {
    clearTimeout(timer);
    socket.off("error", ignoreError);
    socket.off("close", failed);
    done(socket);
  });
  return socket;
}
