import { configInvalid } from "../core/errors.ts";
import type { SocketAddr } from "./flow.ts";
import { parseIp } from "./ip.ts";

/**
 * Reads `IP:PORT` or `[IPv6]:PORT`; without a port the port is `defaultPort`.
 *
 * @param path names the flag or field in the error.
 * @throws {SluiceError} CONFIG_INVALID, also when a port is missing and there is no default.
 */
export function parseSocketAddr(text: string, path: string, defaultPort?: number): SocketAddr {
  const bracketed = /^\[([^\]]+)\](?::(.*))?$/.exec(text);
  const plain = /^([^:]*):([^:]*)$/.exec(text);
  const host = bracketed?.[1] ?? plain?.[1] ?? text;
  const port = bracketed !== null ? bracketed[2] : plain?.[2];
  const ip = parseIp(host, path);
  if (port === undefined) {
    if (defaultPort === undefined) throw configInvalid(path, "ADDRESS:PORT", text);
    return { ip, port: defaultPort };
  }
  return { ip, port: parsePort(port, path) };
}

/** @throws {SluiceError} CONFIG_INVALID unless the text is a whole number in 1…65535. */
export function parsePort(text: string, path: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65535) throw configInvalid(path, "a port in 1…65535", text);
  return port;
}
