import type { SocketAddr } from "../../net/flow.ts";
import { tryParseIp } from "../../net/ip.ts";

/** `10.0.0.1:80`, `[fd00::1]:80`; port 0 stands for every port. @returns undefined when it is neither. */
export function readAddr(text: string): SocketAddr | undefined {
  const [, inBrackets, plain, digits] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const ip = tryParseIp(inBrackets ?? plain ?? "");
  const port = Number(digits);
  return ip === undefined || !(port <= 65535) ? undefined : { ip, port };
}
