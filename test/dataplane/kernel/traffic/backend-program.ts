/**
 * A program: backends as the recordings had them. Each of its arguments `id@ip@port` answers TCP and UDP there with its
 * id and the source that it sees, and repeats what a TCP client sends.
 */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

const source = (address: string | undefined): string => (address ?? "").replace(/^::ffff:/, "");
const opening: Promise<void>[] = [];

for (const [id, ip, port] of process.argv.slice(2).map((one) => one.split("@"))) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(`${JSON.stringify({ id, src: source(socket.remoteAddress) })}\n`);
    socket.on("data", (data) => socket.write(`${JSON.stringify({ id, echo: data.toString() })}\n`));
  });
  const listen = { host: ip!, port: Number(port), backlog: 1024 };
  opening.push(new Promise((resolve) => server.listen(listen, resolve)));
  const datagrams = createSocket(ip!.includes(":") ? "udp6" : "udp4");
  datagrams.on("message", (_, { address, port: from }) => {
    datagrams.send(JSON.stringify({ id, src: source(address) }), from, address);
  });
  opening.push(new Promise((resolve) => datagrams.bind(Number(port), ip, resolve)));
}
await Promise.all(opening);
console.log("ready");
