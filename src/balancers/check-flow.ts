import { balancerInvalid } from "../core/errors.ts";
import type { Flow } from "../net/flow.ts";
import type { Ip } from "../net/ip.ts";

const LARGEST_PORT = 65_535;

/**
 * Checks what of a flow decides where it goes: a text in place of an address would be hashed like any other text, and
 * all clients would be one. Allocates nothing for a flow that is right.
 *
 * @throws {SluiceError} BALANCER_INVALID, naming the field.
 */
export function checkFlow(flow: Flow): void {
  if (typeof flow !== "object" || flow === null) throw balancerInvalid("flow", "a flow", flow);
  checkAddress("flow.src", flow.src);
  checkAddress("flow.dst", flow.dst);
  checkPort("flow.srcPort", flow.srcPort);
  checkPort("flow.dstPort", flow.dstPort);
}

function checkAddress(path: string, ip: Ip): void {
  const right =
    typeof ip === "number"
      ? isWord(ip)
      : typeof ip === "object" && ip !== null && isWord(ip.w0) && isWord(ip.w1) && isWord(ip.w2) && isWord(ip.w3);
  if (!right) throw balancerInvalid(path, "an address as parseIp gives it", ip);
}

function isWord(word: number): boolean {
  return word >>> 0 === word;
}

function checkPort(path: string, port: number): void {
  if (!Number.isInteger(port) || port < 0 || port > LARGEST_PORT) {
    throw balancerInvalid(path, `a whole number in 0…${LARGEST_PORT}`, port);
  }
}
