import { createSocket, type SocketOptions } from "node:dgram";
import { addToCount, type BackendCounters } from "./counters.ts";
import { type BackendSpec, cannotListen, type Echo } from "./echo.ts";

/** Only addresses are ever named: looking them up would cost a turn of the loop for each answer. */
const asItIs: NonNullable<SocketOptions["lookup"]> = (address, _options, found) => found(null, address, 4);

/** A UDP echo backend: sends every datagram back to whoever sent it. */
export function createUdpEcho(spec: BackendSpec, counters: BackendCounters, backend: number): Echo {
  const clients = new Set<string>();
  const socket = createSocket({ type: spec.host.includes(":") ? "udp6" : "udp4", lookup: asItIs });
  socket.on("message", (message, { address, port }) => {
    const client = `${address} ${port}`;
    if (!clients.has(client)) {
      clients.add(client);
      addToCount(counters, backend, "flows", 1);
    }
    addToCount(counters, backend, "requests", 1);
    addToCount(counters, backend, "bytesIn", message.length);
    addToCount(counters, backend, "bytesOut", message.length);
    socket.send(message, port, address, ignoreFailure);
  });
  return {
    listen: () =>
      new Promise((resolve, reject) => {
        socket.once("error", (cause) => reject(cannotListen(spec, cause)));
        socket.bind({ address: spec.host, port: spec.port, exclusive: true }, () => resolve(socket.address().port));
      }),
    newSlice: () => clients.clear(),
    close: () => new Promise((resolve) => socket.close(resolve)),
  };
}

/** An answer that cannot be sent is one that the client misses, and counts. */
function ignoreFailure(): void {}
