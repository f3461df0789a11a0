/** Real clients and endpoints on loopback. */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { familyOf, formatIp, parseIp } from "../../../src/net/ip.ts";

export interface TcpEndpoint {
  readonly addr: SocketAddr;
  /** Every connection so far, in order. */
  readonly sockets: readonly Socket[];
  close(): Promise<void>;
}

/** An endpoint whose connections stay half open until it ends them itself. */
export async function tcpEndpoint(serve: (socket: Socket) => void, host = "127.0.0.1", port = 0): Promise<TcpEndpoint> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    serve(socket);
  });
  server.listen({ host, port, backlog: 4096 });
  await once(server, "listening");
  return {
    addr: addrOf(server),
    sockets,
    async close() {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
}

/** Sends back what it gets, and ends when the other side ends. */
export function echo(socket: Socket): void {
  socket.pipe(socket);
}

/** Tells which of several endpoints it is, and goes on as an echo. */
export function echoNamed(name: string): (socket: Socket) => void {
  return (socket) => {
    socket.write(`${name}\n`);
    echo(socket);
  };
}

/** An address at which nothing listens: a port that the system gives to nobody, unlike one that was just closed. */
export function deadAddr(host = "127.0.0.1"): SocketAddr {
  return { ip: parseIp(host), port: 1 };
}

/** An address to listen at that stays free: no other process has anything to do with its host. */
export async function freeAddr(): Promise<SocketAddr> {
  const { pid } = process;
  const probe = await tcpEndpoint(() => {}, `127.${64 + ((pid >>> 16) & 63)}.${(pid >>> 8) & 255}.${pid & 255}`);
  await probe.close();
  return probe.addr;
}

function addrOf(server: Server): SocketAddr {
  const { address, port } = server.address() as AddressInfo;
  return { ip: parseIp(address), port };
}

/** A connected client whose errors are noted, not thrown. */
export interface Client {
  readonly socket: Socket;
  /** All that came until the other side ended or failed. */
  readonly received: Promise<Buffer>;
  /** How it ended: `end` after a FIN of the other side, else the code of the error. */
  readonly ended: Promise<string>;
}

/** @param from the client's own address. */
export async function tcpClient(to: SocketAddr, from?: string): Promise<Client> {
  const client = connecting(to, from);
  await once(client.socket, "connect");
  return client;
}

/** How a connection ends that is accepted and reset at once: that may be seen before the connection is. */
export function endOf(to: SocketAddr): Promise<string> {
  return connecting(to).ended;
}

function connecting(to: SocketAddr, from?: string): Client {
  const options = { host: formatIp(to.ip), port: to.port, allowHalfOpen: true, noDelay: true };
  return watch(connect(from === undefined ? options : { ...options, localAddress: from }));
}

function watch(socket: Socket): Client {
  const chunks: Buffer[] = [];
  let how = "closed";
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<string>((resolve) => {
    socket.once("end", () => resolve("end"));
    socket.on("error", (error: NodeJS.ErrnoException) => (how = error.code ?? error.message));
    socket.once("close", () => resolve(how));
  });
  return { socket, ended, received: ended.then(() => Buffer.concat(chunks)) };
}

/** Opens a connection, says something, ends, and gives what was answered. */
export async function askOnce(to: SocketAddr, text: string, from?: string): Promise<string> {
  const client = await tcpClient(to, from);
  client.socket.end(text);
  const answer = await client.received;
  client.socket.destroy();
  return answer.toString();
}

export interface UdpPeer {
  readonly addr: SocketAddr;
  readonly socket: UdpSocket;
  /** Every datagram so far, in order. */
  readonly received: readonly { readonly text: string; readonly from: RemoteInfo }[];
  send(text: string | Buffer, to: SocketAddr): void;
  /** Resolves when that many datagrams have come in all. */
  count(total: number): Promise<void>;
  close(): void;
}

/** A UDP socket. @param serve is called for each datagram. */
export async function udpPeer(
  host = "127.0.0.1",
  serve: (datagram: Buffer, from: RemoteInfo, socket: UdpSocket) => void = () => {},
): Promise<UdpPeer> {
  const ip = parseIp(host);
  const socket = createSocket(familyOf(ip) === 4 ? "udp4" : "udp6");
  const received: { text: string; from: RemoteInfo }[] = [];
  let waiting: { total: number; resolve: () => void }[] = [];
  socket.on("message", (datagram, from) => {
    received.push({ text: datagram.toString("latin1"), from });
    serve(datagram, from, socket);
    for (const { total, resolve } of waiting) if (received.length >= total) resolve();
    waiting = waiting.filter(({ total }) => received.length < total);
  });
  socket.bind(0, host);
  await once(socket, "listening");
  return {
    addr: { ip, port: socket.address().port },
    socket,
    received,
    send: (text, to) => socket.send(text, to.port, formatIp(to.ip)),
    count: (total) =>
      received.length >= total ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ total, resolve })),
    close: () => socket.close(),
  };
}

/** Answers each datagram with itself. */
export function udpEcho(datagram: Buffer, from: RemoteInfo, socket: UdpSocket): void {
  socket.send(datagram, from.port, from.address);
}

/** Looks again and again until something holds, for what no event tells. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
