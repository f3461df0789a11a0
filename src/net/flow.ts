import { formatIp, type Ip } from "./ip.ts";

/** TCP's number in the IP header. */
export const TCP = 6;
/** UDP's number in the IP header. */
export const UDP = 17;
/** SCTP's number in the IP header. */
export const SCTP = 132;
/** A protocol that a Service can have, by its number. */
export type Protocol = typeof TCP | typeof UDP | typeof SCTP;

const names = new Map<Protocol, "tcp" | "udp" | "sctp">([
  [TCP, "tcp"],
  [UDP, "udp"],
  [SCTP, "sctp"],
]);

/** The lower-case name, as iptables and nftables write it. */
export function protocolName(protocol: Protocol): "tcp" | "udp" | "sctp" {
  return names.get(protocol)!;
}

/** @param text in any case. @returns undefined when it is none of the three. */
export function tryParseProtocol(text: string): Protocol | undefined {
  const lower = text.toLowerCase();
  for (const [protocol, name] of names) if (name === lower) return protocol;
  return undefined;
}

/** A transport address. */
export interface SocketAddr {
  /** Of either family. */
  readonly ip: Ip;
  /** 1…65535; 0 where the system is to choose. */
  readonly port: number;
}

/** A flow as its first packet shows it: the 5-tuple, before any address is rewritten. */
export interface Flow {
  /** The number of its protocol. */
  readonly proto: Protocol;
  /** The address of the client. */
  readonly src: Ip;
  /** 0…65535. */
  readonly srcPort: number;
  /** The address that the client asks for. */
  readonly dst: Ip;
  /** 0…65535. */
  readonly dstPort: number;
}

/** `10.0.0.1:80`, `[fd00::1]:80`: Go's JoinHostPort, which kube-proxy hashes and sorts by. */
export function formatSocketAddr({ ip, port }: SocketAddr): string {
  return typeof ip === "number" ? `${formatIp(ip)}:${port}` : `[${formatIp(ip)}]:${port}`;
}
