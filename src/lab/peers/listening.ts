import { readFileSync } from "node:fs";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { type Protocol, type SocketAddr, UDP } from "../../net/flow.ts";
import { parseIp } from "../../net/ip.ts";

const LOOPBACK = "127.0.0.1";
/** States of sockets in /proc/net: of TCP that listen, of UDP all that have no peer. */
const LISTENS = { tcp: "0A", udp: "07" } as const;

/** An address of loopback at which nobody listens right now. */
export async function freeAddress(proto: Protocol): Promise<SocketAddr> {
  return { ip: parseIp(LOOPBACK), port: proto === UDP ? await freeUdpPort() : await freeTcpPort() };
}

async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, LOOPBACK);
  await once(server, "listening");
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, LOOPBACK);
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

/**
 * Whether a socket listens at an IPv4 address. Source: Linux, Documentation/networking/proc_net_tcp.rst.
 *
 * @param pid of a process whose network namespace it is in. @default ours
 */
export function isListening(proto: Protocol, { ip, port }: SocketAddr, pid: number | "self" = "self"): boolean {
  const name = proto === UDP ? "udp" : "tcp";
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(ip as number);
  const local = `${bytes.toString("hex").toUpperCase()}:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync(`/proc/${pid}/net/${name}`, "utf8").split("\n");
  return lines.some((line) => {
    const [, at, , state] = line.trim().split(/\s+/);
    return at === local && state === LISTENS[name];
  });
}
