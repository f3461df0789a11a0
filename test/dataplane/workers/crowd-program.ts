/**
 * Many clients in a process of their own: `HOST PORT IDLE ACTIVE ROUNDS`. Opens the idle connections, each of which has
 * been through once, and says `open`; at a line on its input opens the active ones, which ask and are answered, round
 * after round; then every idle one has to answer, too. Says what came of it as one line of JSON, and ends all.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { CrowdReport } from "./crowd.ts";

const [host = "", ...numbers] = process.argv.slice(2);
const [port = 0, idle = 0, active = 0, rounds = 0] = numbers.map(Number);
/** At a time, so that no listener's queue is flooded. */
const OPENING = 100;
/** Addresses of our own that connections come from: each has its own ports. */
const SOURCES = 8;
const report = { opened: 0, wrong: 0, ended: 0 };
let over = false;

async function open(number: number): Promise<Socket> {
  const socket = connect({ port, host, localAddress: `127.0.9.${1 + (number % SOURCES)}`, noDelay: true });
  socket.once("close", () => (report.ended += over ? 0 : 1));
  socket.on("error", () => {});
  await once(socket, "connect");
  report.opened += 1;
  return socket;
}

/** Says something of its own, and compares what comes back. */
async function ask(socket: Socket, text: string): Promise<void> {
  if (socket.destroyed) return;
  socket.write(text);
  let back = "";
  while (back.length < text.length && !socket.destroyed) {
    await new Promise<void>((resolve) => {
      const go = (): void => {
        socket.off("close", go).off("readable", go);
        resolve();
      };
      socket.once("readable", go).once("close", go);
    });
    back += String(socket.read() ?? "");
  }
  if (back !== text) report.wrong += 1;
}

async function openMany(count: number, first: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let at = 0; at < count; at += OPENING) {
    const some = Array.from({ length: Math.min(OPENING, count - at) }, (_, one) => open(first + at + one));
    const opened = await Promise.all(some);
    await Promise.all(opened.map((socket, one) => ask(socket, `first ${first + at + one}`)));
    sockets.push(...opened);
  }
  return sockets;
}

const quiet = await openMany(idle, 0);
console.log("open");
await once(process.stdin, "data");
const busy = await openMany(active, idle);
await Promise.all(
  busy.map(async (socket, number) => {
    for (let round = 0; round < rounds; round += 1) await ask(socket, `${number}.${round} `.repeat(50));
  }),
);
for (const [number, socket] of quiet.entries()) await ask(socket, `late ${number}`);
over = true;
for (const socket of [...quiet, ...busy]) socket.destroy();
console.log(JSON.stringify(report satisfies CrowdReport));
process.stdin.unref();
