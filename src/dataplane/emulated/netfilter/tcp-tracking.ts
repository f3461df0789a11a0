import { type PacketHead, tcpFlagBits } from "./packet.ts";

/** Columns of the table: conntrack's states of TCP, as it prints them. */
const states = [
  "NONE",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
  "SYN_SENT2",
];

type Kind = "syn" | "syn-ack" | "fin" | "ack" | "rst";

/** In which states a packet is INVALID, by direction: `x`. All others are of the connection, changing it or not. */
const invalid: Readonly<Record<"original" | "reply", Readonly<Record<Kind, string>>>> = {
  original: {
    syn: "..........",
    "syn-ack": "xx.xxxxxx.",
    fin: "xx.......x",
    ack: ".x.......x",
    rst: "x.........",
  },
  reply: {
    syn: "x.xxxxx.x.",
    "syn-ack": "x.........",
    fin: "xx.......x",
    ack: "x.........",
    rst: "x.........",
  },
};

/**
 * Whether a TCP packet of a known connection is INVALID: by its flags alone, or by where the connection stands. Sequence
 * numbers are not followed. Source: Linux, nf_conntrack_proto_tcp.c, `tcp_conntracks`, `tcp_valid_flags`.
 *
 * @param state as conntrack prints it; one that is not known, or empty, refuses nothing.
 */
export function isInvalidTcp(state: string, isReply: boolean, flags: number): boolean {
  const kind = kindOf(flags);
  if (kind === undefined) return true;
  const column = states.indexOf(state);
  return column >= 0 && invalid[isReply ? "reply" : "original"][kind][column] === "x";
}

/** @returns undefined for flags that no packet has. */
function kindOf(flags: number): Kind | undefined {
  const { SYN, ACK, FIN, RST } = tcpFlagBits;
  const [syn, ack, fin, rst] = [SYN, ACK, FIN, RST].map((bit) => (flags & bit) !== 0);
  if (rst) return syn || fin ? undefined : "rst";
  if (syn) return fin ? undefined : ack ? "syn-ack" : "syn";
  if (!ack) return undefined;
  return fin ? "fin" : "ack";
}

/** The packet that may come next of a connection that is known, where nobody says which. */
export function usualFlags({
  replied,
  isReply,
}: {
  readonly replied: boolean;
  readonly isReply: boolean;
}): NonNullable<PacketHead["flags"]> {
  if (replied) return tcpFlagBits.ACK;
  return isReply ? tcpFlagBits.SYN | tcpFlagBits.ACK : tcpFlagBits.SYN;
}
