import { type Protocol, type SocketAddr, tryParseProtocol } from "../../net/flow.ts";
import { readAddr } from "./read-addr.ts";
import { serverKey } from "./server-key.ts";
import { linesOf, wholeNumber, type Words } from "./words.ts";

/** How many connections the kernel has to one real server. */
export interface ServerConnections {
  /** The virtual server: `10.96.0.10:80/TCP`. */
  readonly of: string;
  readonly addr: SocketAddr;
  readonly active: number;
  readonly inactive: number;
}

/**
 * Reads the text of `ipvsadm -L -n`, which alone tells how many connections there are.
 *
 * @param file names the text in errors.
 * @throws {SluiceError} INPUT_INVALID with line and column.
 */
export function parseConnections(text: string, file = "ipvsadm -L -n"): readonly ServerConnections[] {
  const all: ServerConnections[] = [];
  let of: string | undefined;
  for (const words of linesOf(text, file)) {
    const first = words.next("", "a virtual or a real server");
    if (isHead(first.text, words.peek())) continue;
    if (first.text !== "->") of = readKey(words, first.text);
    else if (of === undefined) throw words.invalid(first, "", "a virtual server before its real servers");
    else all.push({ of, ...readCounts(words) });
  }
  return all;
}

/** The three lines above the list. */
function isHead(first: string, second: string | undefined): boolean {
  return first === "IP" || first === "Prot" || (first === "->" && second === "RemoteAddress:Port");
}

function readKey(words: Words, kind: string): string {
  if (kind === "FWM") {
    const fwmark = words.read("mark", "a number", wholeNumber(1, 0xffff_ffff));
    return serverKey({ fwmark, family: words.skip("IPv6") ? 6 : 4 });
  }
  const addr = words.read("service", "an address and a port as numbers", readAddr);
  return serverKey({ addr, proto: protocolOf(words, kind) });
}

function protocolOf(words: Words, kind: string): Protocol {
  const proto = tryParseProtocol(kind);
  if (proto === undefined) throw words.invalid({ text: kind, column: 1 }, "service", "TCP, UDP, SCTP or FWM");
  return proto;
}

function readCounts(words: Words): Omit<ServerConnections, "of"> {
  const addr = words.read("server", "an address and a port as numbers", readAddr);
  words.next("forwarding", "a way of forwarding");
  words.read("weight", "a number", count);
  const active = words.read("active connections", "a number", count);
  const inactive = words.read("inactive connections", "a number", count);
  words.end();
  return { addr, active, inactive };
}

const count = wholeNumber(0, 0xffff_ffff);
