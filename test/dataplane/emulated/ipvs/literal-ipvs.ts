/**
 * IPVS as its documentation tells it, with lists that are searched from one end to the other: one virtual server of
 * scheduler lc, TCP and UDP, persistent or not. It shares no code with what it is compared with.
 */

export interface LiteralOptions {
  readonly reuse: boolean;
  readonly expireNodest: boolean;
  readonly expireQuiescent: boolean;
  readonly onePacket: boolean;
  /** 0: none. */
  readonly persistenceMs: number;
  /** Bits of a client's number that persistence leaves out. */
  readonly maskedBits: number;
}

export type LiteralPacket = "open" | "request" | "reply" | "client-fin" | "server-fin" | "client-rst" | "server-rst";

/** A client's socket: `client` is an IPv4 address as a number. */
export interface Socket {
  readonly udp: boolean;
  readonly client: number;
  readonly port: number;
}

interface LiteralServer {
  readonly name: number;
  weight: number;
  upper: number;
  lower: number;
  overloaded: boolean;
  listed: boolean;
}

interface LiteralTemplate {
  readonly who: number;
  readonly server: LiteralServer;
  timeoutMs: number;
  endMs: number;
  valid: boolean;
}

interface LiteralConnection {
  readonly socket: Socket;
  readonly server: LiteralServer;
  readonly template: LiteralTemplate | undefined;
  state: string;
  endMs: number;
}

const seconds: Readonly<Record<string, number>> = {
  SYN_RECV: 60,
  ESTABLISHED: 900,
  FIN_WAIT: 120,
  CLOSE_WAIT: 60,
  TIME_WAIT: 120,
  CLOSE: 10,
  UDP: 300,
};

const isActive = ({ state }: LiteralConnection): boolean => state === "SYN_RECV" || state === "ESTABLISHED";
const sameSocket = (a: Socket, b: Socket): boolean => a.udp === b.udp && a.client === b.client && a.port === b.port;

export class LiteralIpvs {
  readonly #options: LiteralOptions;
  #nowMs = 0;
  /** Every server that ever was, the one added last first. */
  #servers: LiteralServer[] = [];
  #connections: LiteralConnection[] = [];
  #templates: LiteralTemplate[] = [];

  constructor(options: LiteralOptions) {
    this.#options = options;
  }

  add(name: number, weight: number): void {
    const known = this.#servers.find((server) => server.name === name);
    const server = known ?? { name, weight, upper: 0, lower: 0, overloaded: false, listed: true };
    this.#servers = [server, ...this.#servers.filter((one) => one !== server)];
    Object.assign(server, { weight, upper: 0, lower: 0, listed: true });
    this.#evaluate(server);
  }

  edit(name: number, settings: { weight?: number; upper?: number; lower?: number }): void {
    const server = this.#servers.find((one) => one.name === name)!;
    Object.assign(server, settings);
    this.#evaluate(server);
  }

  remove(name: number): void {
    const server = this.#servers.find((one) => one.name === name)!;
    server.listed = false;
    if (!this.#options.expireNodest) return;
    for (const connection of this.#connections.filter((one) => one.server === server)) this.#forget(connection);
    this.#templates = this.#templates.filter((template) => template.server !== server);
  }

  wait(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = Math.min(...[...this.#connections, ...this.#templates].map((one) => one.endMs));
      if (!(next <= endMs)) break;
      this.#nowMs = next;
      const connection = this.#connections.find((one) => one.endMs === next);
      if (connection === undefined) this.#fire(this.#templates.find((one) => one.endMs === next)!);
      else this.#forget(connection);
    }
    this.#nowMs = endMs;
  }

  /** @returns the server's name, or what else becomes of the packet. */
  packet(socket: Socket, kind: LiteralPacket): number | "reject" | "drop" | "pass" {
    const known = this.#connections.find((one) => sameSocket(one.socket, socket));
    if (known !== undefined && !this.#startsAnew(known, kind)) return this.#goOn(known, kind);
    const opens = kind === "open" || (socket.udp && kind === "request");
    const outcome = opens ? this.#open(socket) : "pass";
    if (known !== undefined) this.#forget(known);
    return outcome;
  }

  /** Names and counts in list order. */
  counts(): (readonly [name: number, active: number, inactive: number])[] {
    return this.#servers
      .filter(({ listed }) => listed)
      .map((server) => [server.name, this.#count(server, true), this.#count(server, false)]);
  }

  #startsAnew({ socket, state, server, template }: LiteralConnection, kind: LiteralPacket): boolean {
    if (socket.udp || kind !== "open") return false;
    if (this.#options.expireNodest && server.weight === 0) return true;
    return this.#options.reuse && template === undefined && (state === "TIME_WAIT" || state === "CLOSE");
  }

  #goOn(connection: LiteralConnection, kind: LiteralPacket): number | "drop" {
    const fromServer = ["reply", "server-fin", "server-rst"].includes(kind);
    if (!fromServer && !connection.server.listed) return "drop";
    connection.state = connection.socket.udp ? "UDP" : tcp(connection.state, kind);
    connection.endMs = this.#nowMs + seconds[connection.state]! * 1000;
    return connection.server.name;
  }

  #open(socket: Socket): number | "reject" {
    const { persistenceMs, maskedBits, onePacket, expireQuiescent } = this.#options;
    const who = socket.client >>> maskedBits;
    let template = this.#templates.find((one) => one.who === who && one.valid);
    if (template !== undefined && (!template.server.listed || (expireQuiescent && template.server.weight === 0))) {
      template.valid = false;
      template = undefined;
    }
    const server = template?.server ?? this.#leastLoaded();
    if (server === undefined) return "reject";
    if (template === undefined && persistenceMs > 0) {
      template = { who, server, timeoutMs: persistenceMs, endMs: 0, valid: true };
      this.#templates.push(template);
    }
    if (template !== undefined) template.endMs = this.#nowMs + template.timeoutMs;
    const state = socket.udp ? "UDP" : "SYN_RECV";
    const connection = { socket, server, template, state, endMs: this.#nowMs + seconds[state]! * 1000 };
    this.#connections.unshift(connection);
    this.#evaluate(server);
    if (onePacket && socket.udp) this.#forget(connection);
    return server.name;
  }

  #leastLoaded(): LiteralServer | undefined {
    let least: LiteralServer | undefined;
    const load = (server: LiteralServer): number => 257 * this.#count(server, true) + this.#count(server, false);
    for (const server of this.#servers) {
      if (!server.listed || server.weight === 0 || server.overloaded) continue;
      if (least === undefined || load(server) < load(least)) least = server;
    }
    return least;
  }

  #count(server: LiteralServer, active: boolean): number {
    return this.#connections.filter((one) => one.server === server && isActive(one) === active).length;
  }

  #evaluate(server: LiteralServer): void {
    const { upper, lower } = server;
    const total = this.#count(server, true) + this.#count(server, false);
    if (upper === 0 || total < (lower || upper - Math.floor(upper / 4))) server.overloaded = false;
    else if (total >= upper) server.overloaded = true;
  }

  #fire(template: LiteralTemplate): void {
    if (this.#connections.some((one) => one.template === template)) {
      template.timeoutMs = 60_000;
      template.endMs = this.#nowMs + 60_000;
    } else this.#templates = this.#templates.filter((one) => one !== template);
  }

  #forget(connection: LiteralConnection): void {
    this.#connections = this.#connections.filter((one) => one !== connection);
    this.#evaluate(connection.server);
  }
}

/** The next state, written out as a walk through the cases. */
function tcp(state: string, kind: LiteralPacket): string {
  const open = state === "SYN_RECV" || state === "ESTABLISHED";
  switch (kind) {
    case "open":
      return state === "ESTABLISHED" ? state : "SYN_RECV";
    case "request":
      return state === "SYN_RECV" ? "ESTABLISHED" : state;
    case "reply":
      return state;
    case "client-rst":
      return state === "SYN_RECV" ? state : "CLOSE";
    case "server-rst":
      return state === "TIME_WAIT" ? state : "CLOSE";
    case "client-fin":
      if (open) return state === "SYN_RECV" ? "TIME_WAIT" : "CLOSE_WAIT";
      return state === "FIN_WAIT" ? "TIME_WAIT" : state;
    case "server-fin":
      if (open) return state === "SYN_RECV" ? "TIME_WAIT" : "FIN_WAIT";
      return state === "CLOSE_WAIT" ? "TIME_WAIT" : state;
  }
}
