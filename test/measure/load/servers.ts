/** Servers that answer the load generator wrongly, late or not at all, and one that answers right, in this process. */
import { createSocket } from "node:dgram";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createBackendCounters, readBackendCounts, type BackendCount } from "../../../src/measure/echo/counters.ts";
import { openEchoes } from "../../../src/measure/echo/open.ts";
import type { LoadTarget } from "../../../src/measure/load/task.ts";

interface TestServer {
  readonly targets: readonly LoadTarget[];
  close(): Promise<void>;
}

/** A TCP server on a port of its own. @param serve is given each connection. */
export async function tcpServer(serve: (socket: Socket) => void): Promise<TestServer> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    targets: [{ host: "127.0.0.1", port: (server.address() as AddressInfo).port }],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** A UDP server on a port of its own. @param answer gives what is sent back, in order; nothing for no answer. */
export async function udpServer(answer: (message: Buffer) => readonly Buffer[]): Promise<TestServer> {
  const socket = createSocket("udp4");
  socket.on("message", (message, { address, port }) => {
    for (const one of answer(message)) socket.send(one, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    targets: [{ host: "127.0.0.1", port: socket.address().port }],
    close: () => new Promise((resolve) => socket.close(resolve)),
  };
}

/** Echo backends of ours, all on 127.0.0.1. */
export async function echoServer(
  protocol: "tcp" | "udp",
  backends: number,
): Promise<TestServer & { counts(): readonly BackendCount[] }> {
  const counters = createBackendCounters(backends);
  const specs = Array.from({ length: backends }, () => ({ protocol, host: "127.0.0.1", port: 0 }));
  const echoes = await openEchoes(specs, counters);
  return {
    targets: echoes.ports.map((port) => ({ host: "127.0.0.1", port })),
    counts: () => readBackendCounts(counters),
    close: echoes.close,
  };
}
