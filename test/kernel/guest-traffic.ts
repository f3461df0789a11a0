import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Address {
  readonly ip: string;
  readonly port: number;
}

/** How long a client waits for an answer: a guest is slow where the host is at work. */
const PATIENCE_MS = 30_000;

/** Accepts connections, tells each its own address, and then gives every line back. */
export async function serveTcp({ ip, port }: Address): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(`${ip}\n`);
    socket.pipe(socket);
  });
  server.unref();
  server.listen(port, ip);
  await once(server, "listening");
}

/** Answers each datagram with its own address. */
export async function serveUdp({ ip, port }: Address): Promise<void> {
  const socket = createSocket("udp4");
  socket.on("message", (_, { address, port: from }) => socket.send(ip, from, address));
  socket.unref();
  socket.bind(port, ip);
  await once(socket, "listening");
}

/** A connection and who answered; or why there is none. */
export interface Opened {
  readonly socket: Socket;
  /** The address of the endpoint; `ECONNREFUSED`, `timeout` … */
  readonly answer: string;
}

/** Opens a connection and waits for the first line. It stays open. */
export async function openTcp(to: Address, from?: Address, patienceMs = PATIENCE_MS): Promise<Opened> {
  const local = from === undefined ? {} : { localAddress: from.ip, localPort: from.port };
  const socket = connect({ host: to.ip, port: to.port, ...local });
  socket.setTimeout(patienceMs, () => socket.destroy(Object.assign(new Error(), { code: "timeout" })));
  const answer = await nextLine(socket);
  socket.setTimeout(0);
  return { socket, answer };
}

/** The next line of a connection, or the code of its error. */
export async function nextLine(socket: Socket): Promise<string> {
  try {
    const [data] = (await once(socket, "data")) as [Buffer];
    return data.toString().trim();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "error";
  }
}

/** Sends one datagram. @returns who answered, or `timeout`. */
export async function askUdp(to: Address, from: Address): Promise<string> {
  const socket = createSocket("udp4");
  socket.bind(from.port, from.ip);
  await once(socket, "listening");
  socket.send("?", to.port, to.ip);
  try {
    const [data] = (await once(socket, "message", { signal: AbortSignal.timeout(PATIENCE_MS) })) as [Buffer];
    return data.toString();
  } catch {
    return "timeout";
  } finally {
    socket.close();
  }
}
