/** A process of a network namespace with one end of a TCP connection: `serve IP PORT`, or `connect IP PORT FROM`. */
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

/** What a connecting peer is told, a line each. */
export type PeerCommand = "data" | "reset";

const [role, host = "", port = "", from = ""] = process.argv.slice(2);

if (role === "serve") {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume();
  });
  server.listen(Number(port), host, () => process.stdout.write("ready\n"));
  process.stdin.resume();
  process.stdin.on("end", () => process.exit());
} else if (role === "connect") {
  const socket = connect({ host, port: Number(port), localPort: Number(from), noDelay: true });
  socket.on("error", () => {});
  socket.on("connect", () => process.stdout.write("ready\n"));
  for await (const line of createInterface({ input: process.stdin })) {
    if ((line as PeerCommand) === "reset") socket.resetAndDestroy();
    else socket.write("x");
    process.stdout.write("done\n");
  }
  process.exit();
}
