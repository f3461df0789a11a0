/** A backend in a process of its own, so that it can be killed or stopped: tells its port, and serves until then. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { BackendKind } from "./backend-process.ts";

const serve: Readonly<Record<BackendKind, (socket: Socket) => void>> = {
  echo: (socket) => void socket.pipe(socket),
  // Takes one chunk a millisecond: far less than a client sends.
  slow(socket) {
    socket.on("data", (chunk: Buffer) => {
      socket.write(chunk);
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    socket.on("end", () => socket.end());
  },
};

const kind = process.argv[2] as BackendKind;
const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  serve[kind](socket);
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 });
await once(server, "listening");
console.log((server.address() as AddressInfo).port);
