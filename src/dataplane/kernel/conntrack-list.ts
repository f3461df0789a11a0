import type { SocketAddr } from "../../net/flow.ts";
import { tryParseIp } from "../../net/ip.ts";

/** One direction of a flow. */
interface Direction {
  readonly src: SocketAddr;
  readonly dst: SocketAddr;
}

/** A flow that the kernel knows: as it came in, and as answers to it come. */
export interface ConntrackFlow {
  readonly original: Direction;
  readonly reply: Direction;
}

const direction = String.raw`src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)`;
const flow = new RegExp(`\\b${direction} .*?\\b${direction}\\b`);

/** Reads what `conntrack -L -p udp` prints, one flow a line. Lines that are none are passed over. */
export function readConntrack(text: string): ConntrackFlow[] {
  return text
    .split("\n")
    .map(readFlow)
    .filter((one) => one !== undefined);
}

function readFlow(line: string): ConntrackFlow | undefined {
  const found = flow.exec(line);
  if (found === null) return undefined;
  const original = readDirection(found.slice(1, 5));
  const reply = readDirection(found.slice(5, 9));
  return original && reply && { original, reply };
}

function readDirection([src = "", dst = "", srcPort, dstPort]: readonly string[]): Direction | undefined {
  const [from, to] = [tryParseIp(src), tryParseIp(dst)];
  if (from === undefined || to === undefined) return undefined;
  return { src: { ip: from, port: Number(srcPort) }, dst: { ip: to, port: Number(dstPort) } };
}
