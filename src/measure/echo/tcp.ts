import { type AddressInfo, createServer, type Socket } from "node:net";
import { ECHO, HEADER_BYTES, readHeader, streamBlock } from "../message.ts";
import { addToCount, type BackendCounters } from "./counters.ts";
import { type BackendSpec, cannotListen, type Echo } from "./echo.ts";

/** Connections that wait to be accepted: more than any work has lanes. */
const BACKLOG = 1024;

/**
 * A TCP echo backend: sends every message back, or streams when the first message says so. A connection that says
 * anything else is closed without an answer. The first message of a connection gives the length of all of them.
 */
export function createTcpEcho(spec: BackendSpec, counters: BackendCounters, backend: number): Echo {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    addToCount(counters, backend, "connections", 1);
    serve(socket, counters, backend);
  });
  return {
    listen: () =>
      new Promise((resolve, reject) => {
        server.once("error", (cause) => reject(cannotListen(spec, cause)));
        server.listen({ host: spec.host, port: spec.port, backlog: BACKLOG }, () => {
          resolve((server.address() as AddressInfo).port);
        });
      }),
    newSlice() {},
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

function serve(socket: Socket, counters: BackendCounters, backend: number): void {
  let early: Buffer | undefined;
  let messageBytes = 0;
  let partBytes = 0;
  const write = (chunk: Buffer): boolean => {
    addToCount(counters, backend, "bytesOut", chunk.length);
    return socket.write(chunk);
  };
  const echo = (chunk: Buffer): void => {
    const bytes = partBytes + chunk.length;
    partBytes = bytes % messageBytes;
    addToCount(counters, backend, "requests", (bytes - partBytes) / messageBytes);
    write(chunk);
  };
  const start = (chunk: Buffer): void => {
    early = early === undefined ? chunk : Buffer.concat([early, chunk]);
    if (early.length < HEADER_BYTES) return;
    const header = readHeader(early);
    if (header === undefined) return void socket.destroy();
    messageBytes = header.bytes;
    if (header.kind === ECHO) return echo(early);
    addToCount(counters, backend, "requests", 1);
    stream(socket, streamBlock(header.lane), write);
  };
  socket.on("data", (chunk) => {
    addToCount(counters, backend, "bytesIn", chunk.length);
    if (messageBytes === 0) start(chunk);
    else echo(chunk);
  });
  socket.on("end", () => socket.end());
  // The client's side counts what failed; here a broken connection is only closed.
  socket.on("error", () => socket.destroy());
}

/** Writes the block again and again, as fast as it is taken, until the other side closes. */
function stream(socket: Socket, block: Buffer, write: (chunk: Buffer) => boolean): void {
  const pump = (): void => {
    while (socket.writable && write(block));
  };
  socket.on("drain", pump);
  pump();
}
