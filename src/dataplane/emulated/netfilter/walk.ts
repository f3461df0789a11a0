import type { Choices, Chance } from "./choices.ts";
import type { ConnectionTable } from "./connection.ts";
import type { SocketAddr } from "../../../net/flow.ts";
import type { Packet } from "./packet.ts";
import type { Route, Routing } from "./host-node.ts";

export type HookName = "PREROUTING" | "INPUT" | "FORWARD" | "OUTPUT" | "POSTROUTING";

/** What a hook says about a packet. `undecided`: nobody can tell. `redirected`: IPVS sent it on to a server. */
export type HookVerdict = "accept" | "drop" | "reject" | "undecided" | "redirected";

/** A rule that a packet met. Its texts are made when somebody asks. */
export interface WalkStep {
  readonly hook: HookName;
  /** `nat/KUBE-SERVICES`. */
  readonly where: string;
  readonly matched: boolean;
  rule(): string;
  readonly effect: string;
  /** For how long the client's further connections go where this step sends it; absent: each is chosen anew. */
  readonly sticksSeconds?: number;
}

/** An element of a set, as an expression gave it for the packet. */
export interface SetUpdate {
  readonly value: unknown;
  /** Whether the set has it now. */
  readonly isIn: boolean;
}

/** One packet on its way through the rules of a node, and what they are told about it. */
export interface Walk {
  readonly packet: Packet;
  readonly routing: Routing;
  readonly connections: ConnectionTable;
  readonly steps: WalkStep[];
  /** Whether rules that do not match are steps too. */
  readonly showsAll: boolean;
  /** Whether a process of this node sent it. */
  readonly isOwn: boolean;
  hook: HookName;
  /** How many rules and entries were passed. */
  passed: number;
  /** What ended it, in words. */
  endedBy: string;
  /** What was taken for granted on the way, in words. */
  readonly assumptions: Set<string>;
  /** Set by TPROXY: a socket of this node takes the packet whatever its destination. */
  takenBySocket: boolean;
  /** The virtual server of IPVS that sent it on; undefined: none did. */
  servedBy: SocketAddr | undefined;
  /** Lists of `-m recent` that the packet's own rules had its address put into. */
  readonly remembered: Set<string>;
  /** What the packet's own rules put into sets of nftables, or took out, last. */
  readonly setUpdates: Map<object, SetUpdate>;
  /** Which way was chosen of each route that has several. */
  readonly hops: Map<Route, Route>;
  draw(chances: readonly Chance[]): number;
  /** Takes a condition that nobody can tell to hold or not. */
  doubt(where: string, rule: () => string, why: string): boolean;
}

export interface WalkOptions {
  readonly packet: Packet;
  readonly routing: Routing;
  readonly connections: ConnectionTable;
  readonly choices: Choices;
  readonly isOwn: boolean;
  readonly showsAll: boolean;
}

export function openWalk({ packet, routing, connections, choices, isOwn, showsAll }: WalkOptions): Walk {
  return {
    packet,
    routing,
    connections,
    steps: [],
    showsAll,
    isOwn,
    hook: isOwn ? "OUTPUT" : "PREROUTING",
    passed: 0,
    endedBy: "",
    assumptions: new Set(),
    takenBySocket: false,
    servedBy: undefined,
    remembered: new Set(),
    setUpdates: new Map(),
    hops: new Map(),
    draw: (chances) => choices.draw(chances),
    doubt: (where, rule, why) => choices.doubt(() => ({ where, rule: rule(), why })),
  };
}
