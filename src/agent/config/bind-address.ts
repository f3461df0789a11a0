import type { SocketAddr } from "../../net/flow.ts";
import { tryParseIp } from "../../net/ip.ts";

/**
 * Puts the port to an address that has none, as kube-proxy does: `::` becomes `[::]:10256`. Any other text stays as it
 * is.
 */
export function withPort(text: string, port: number): string {
  const ip = tryParseIp(text);
  if (ip === undefined) return text;
  return typeof ip === "number" && !text.includes(":") ? `${text}:${port}` : `[${text}]:${port}`;
}

/** Reads `IP:PORT` or `[IPv6]:PORT`. @returns undefined when the text is none, or the port is not in 1…65535. */
export function tryParseBindAddress(text: string): SocketAddr | undefined {
  const [, bracketed, plain, digits = ""] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const ip = tryParseIp(bracketed ?? plain ?? "");
  const port = Number(digits);
  return ip === undefined || port < 1 || port > 65_535 ? undefined : { ip, port };
}
