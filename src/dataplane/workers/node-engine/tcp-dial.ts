import { connect, type Socket } from "node:net";
import type { SocketAddr } from "../../../net/flow.ts";
import { formatIp } from "../../../net/ip.ts";

/** Bytes that wait in a socket before its source is told to stop. */
export const SOCKET_BUFFER_BYTES = 65_536;

/** Why there is no connection: the endpoint refused, could not be reached or did not answer; or this host lacks something. */
export type DialFailure = "refused" | "shortage";

/** Out of descriptors, memory or local ports: nothing of the endpoint's. */
const shortages: ReadonlySet<string | undefined> = new Set(["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EADDRNOTAVAIL"]);

/**
 * Connects to an endpoint.
 *
 * @param timeoutMs 0: the host's own, about two minutes.
 * @param done gets the connected socket, paused and without an error handler; or why there is none.
 */
export function dial(
  { ip, port }: SocketAddr,
  timeoutMs: number,
  done: (outcome: Socket | DialFailure) => void,
): Socket {
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
  let failure: DialFailure = "refused";
  const noteError = ({ code }: NodeJS.ErrnoException): void => {
    if (shortages.has(code)) failure = "shortage";
  };
  const failed = (): void => {
    clearTimeout(timer);
    done(failure);
  };
  socket.on("error", noteError);
  socket.once("close", failed);
  socket.once("connect", () => {
    clearTimeout(timer);
    socket.off("error", noteError);
    socket.off("close", failed);
    done(socket);
  });
  return socket;
}
