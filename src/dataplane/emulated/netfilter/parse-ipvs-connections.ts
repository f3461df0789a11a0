import { readAddr } from "../../../modes/ipvs/read-addr.ts";
import { linesOf, type Word, type Words } from "../../../modes/ipvs/words.ts";
import { type Protocol, type SocketAddr, TCP, tryParseProtocol, UDP } from "../../../net/flow.ts";
import type { IpvsState } from "../ipvs/states.ts";

/** An entry of IPVS's connection table. */
export interface KnownIpvsConnection {
  readonly kind: "connection";
  readonly proto: Protocol;
  readonly client: SocketAddr;
  /** Where the client sent it. */
  readonly virtual: SocketAddr;
  readonly server: SocketAddr;
  readonly state: IpvsState;
  /** When it leaves the table unless another packet comes. */
  readonly leftSeconds: number;
}

/** Where the further connections of a client go, by persistence. */
export interface KnownIpvsTemplate {
  readonly kind: "template";
  /** Undefined: of a firewall mark, which is the address then. */
  readonly proto: Protocol | undefined;
  /** Masked, where the virtual server has a netmask; its port is 0. */
  readonly client: SocketAddr;
  /** Port 0: of a virtual server of all ports, or of a mark. */
  readonly virtual: SocketAddr;
  readonly server: SocketAddr;
  readonly leftSeconds: number;
}

export type KnownIpvsEntry = KnownIpvsConnection | KnownIpvsTemplate;

/** Kernels' names of states for those that are told apart here. */
const states: Readonly<Record<string, IpvsState>> = {
  SYN_SENT: "SYN_RECV",
  SYN_RECV: "SYN_RECV",
  SYNACK: "SYN_RECV",
  LISTEN: "SYN_RECV",
  ESTABLISHED: "ESTABLISHED",
  FIN_WAIT: "FIN_WAIT",
  CLOSE_WAIT: "CLOSE_WAIT",
  LAST_ACK: "TIME_WAIT",
  TIME_WAIT: "TIME_WAIT",
  CLOSE: "CLOSE",
  NONE: "CLOSE",
};

/**
 * Reads the text of `ipvsadm -L -n -c`: the connection table of IPVS with its templates of persistence, which are the
 * entries of port 0.
 *
 * @param file names the text in errors.
 * @throws {SluiceError} INPUT_INVALID with line and column.
 */
export function parseIpvsConnections(text: string, file = "ipvsadm -L -n -c"): readonly KnownIpvsEntry[] {
  return linesOf(text, file).flatMap((words) => {
    const first = words.next("", "a protocol");
    const isHead = first.text === "IPVS" || first.text === "pro";
    return isHead ? [] : [readEntry(words, first)];
  });
}

/** `TCP 14:58  ESTABLISHED 10.0.0.7:40000 10.96.0.1:80 10.244.1.10:8080` */
function readEntry(words: Words, first: Word): KnownIpvsEntry {
  const proto = first.text === "IP" ? undefined : tryParseProtocol(first.text);
  if (proto === undefined && first.text !== "IP") throw words.invalid(first, "protocol", "TCP, UDP, SCTP or IP");
  const leftSeconds = words.read("expire", "minutes and seconds such as 14:58", readTime);
  const state = words.next("state", "a state");
  const client = words.read("source", "an address and a port as numbers", readAddr);
  const virtual = words.read("virtual", "an address and a port as numbers", readAddr);
  const server = words.read("destination", "an address and a port as numbers", readAddr);
  if (proto === undefined || client.port === 0)
    return { kind: "template", proto, client, virtual, server, leftSeconds };
  return { kind: "connection", proto, client, virtual, server, state: stateOf(proto, state.text), leftSeconds };
}

function readTime(text: string): number | undefined {
  const [, minutes, seconds] = /^(\d{1,7}):([0-5]\d)$/.exec(text) ?? [];
  return minutes === undefined ? undefined : Number(minutes) * 60 + Number(seconds);
}

function stateOf(proto: Protocol, name: string): IpvsState {
  if (proto !== TCP) return proto === UDP ? "UDP" : "SCTP";
  return states[name] ?? "ESTABLISHED";
}
