import type { Protocol, SocketAddr } from "../../net/flow.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";
import { socat } from "./socat.ts";

/** What a peer is to forward: from one address of loopback to some. */
export interface PeerService {
  /** A word, for the peer's own configuration. */
  readonly name: string;
  readonly proto: Protocol;
  readonly at: SocketAddr;
  /** At least one. */
  readonly servers: readonly SocketAddr[];
}

/** How a peer is started: its configuration, and what runs it. */
export interface PeerStart {
  /** Written to `path` before; absent: it needs none. */
  readonly config?: string;
  /** A process each. */
  readonly commands: readonly (readonly [string, ...string[]])[];
}

/** Another program that forwards. */
export interface Peer {
  /** What it does with connections, in a sentence. */
  readonly what: string;
  readonly udp: boolean;
  /** Says which it is; exits with 0 where the peer can be had. */
  readonly version: readonly [string, ...string[]];
  /** @param path where its configuration will lie. @param threads that carry traffic. */
  start(services: readonly PeerService[], path: string, threads: number): PeerStart;
}

export const peers = { nginx, haproxy, socat } as const satisfies Readonly<Record<string, Peer>>;
export type PeerName = keyof typeof peers;
export const peerNames = Object.keys(peers) as readonly PeerName[];
