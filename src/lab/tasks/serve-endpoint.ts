/**
 * A program: an endpoint in a process of its own, so that it can die, freeze and return. Arguments: the address to listen
 * on, the port (0: the system chooses), its number, and how long it takes over a request, in milliseconds. Prints its port
 * once it listens. SIGTERM ends it as a server ends that means well: it listens no more, closes what rests, and answers
 * what it has begun.
 */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { HEADER_BYTES } from "../../measure/message.ts";
import { createAnswer } from "../../measure/probe/endpoint-answer.ts";

const BACKLOG = 1024;
const [host, port, number, serviceMs] = process.argv.slice(2) as [string, string, string, string];
const resting = new Set<Socket>();
let ending = false;

const server = createServer({ noDelay: true }, (socket) => {
  let got = Buffer.alloc(0);
  const answer = (request: Buffer): void => {
    if (socket.destroyed) return;
    socket.write(createAnswer(request, Number(number)));
    resting.add(socket);
    if (ending) socket.end();
  };
  resting.add(socket);
  socket.on("data", (chunk) => {
    got = Buffer.concat([got, chunk]);
    for (; got.length >= HEADER_BYTES; got = got.subarray(HEADER_BYTES)) {
      const request = got.subarray(0, HEADER_BYTES);
      resting.delete(socket);
      if (serviceMs === "0") answer(request);
      else setTimeout(answer, Number(serviceMs), request);
    }
  });
  socket.on("close", () => resting.delete(socket));
  socket.on("error", () => socket.destroy());
});
server.listen({ host, port: Number(port), backlog: BACKLOG }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.on("SIGTERM", () => {
  ending = true;
  server.close();
  for (const socket of resting) socket.end();
});
