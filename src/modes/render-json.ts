import { type Cidr, formatCidr } from "../net/cidr.ts";
import { formatSocketAddr, type Protocol, protocolName, type SocketAddr } from "../net/flow.ts";
import { formatIp, type Ip } from "../net/ip.ts";
import type { Program } from "./program.ts";

/**
 * The program as JSON, for other programs: the data that the mode compiled, with addresses, ranges and protocols as
 * text (`10.96.0.10`, `10.96.0.10:80`, `10.244.0.0/16`, `tcp`).
 */
export function renderProgramJson(program: Program): string {
  return `${JSON.stringify(program, readable, 2)}\n`;
}

/** An IPv4 address is a bare number: its member's name tells it from others. */
function readable(key: string, value: unknown): unknown {
  if (/(^i|I)p$|^persistenceMask$/.test(key)) return formatIp(value as Ip);
  if (/(^i|I)ps$|ddresses$/.test(key) && Array.isArray(value)) return value.map((ip: Ip) => formatIp(ip));
  if (key === "proto") return protocolName(value as Protocol);
  if (has(value, "ip", "port")) return formatSocketAddr(value as SocketAddr);
  if (has(value, "base", "bits")) return formatCidr(value as Cidr);
  return value;
}

/** Whether an object has these members and no others. */
function has(value: unknown, ...names: readonly string[]): boolean {
  if (typeof value !== "object" || value === null) return false;
  const keys = Object.keys(value);
  return keys.length === names.length && names.every((name) => keys.includes(name));
}
