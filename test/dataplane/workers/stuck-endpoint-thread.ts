/** Listens with the shortest queue, and then never looks at it again: once it is full, nobody gets an answer. */
import { type AddressInfo, createServer } from "node:net";
import { parentPort } from "node:worker_threads";

const server = createServer();
server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
  parentPort!.postMessage((server.address() as AddressInfo).port, []);
  // In its own turn, so that the message has left.
  setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
});
