import type { SocketAddr } from "../../../net/flow.ts";
import { familyOf, formatIp, type Ip } from "../../../net/ip.ts";

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const VERSION_2_PROXY = 0x21;
const TCP_OVER = { 4: 0x11, 6: 0x21 } as const;

/**
 * The header by which an endpoint learns who its client is.
 *
 * @param to where the client connected to, of the client's family.
 *
 * Source: HAProxy, "The PROXY protocol", versions 1 and 2, 2020, sections 2.1 and 2.2.
 */
export function proxyHeader(version: 1 | 2, client: SocketAddr, to: SocketAddr): Buffer {
  const family = familyOf(client.ip);
  if (version === 1) {
    return Buffer.from(
      `PROXY TCP${family} ${formatIp(client.ip)} ${formatIp(to.ip)} ${client.port} ${to.port}\r\n`,
      "latin1",
    );
  }
  const addresses = Buffer.concat([ipBytes(client.ip), ipBytes(to.ip), portBytes(client.port), portBytes(to.port)]);
  return Buffer.concat([
    SIGNATURE,
    Buffer.from([VERSION_2_PROXY, TCP_OVER[family]]),
    portBytes(addresses.length),
    addresses,
  ]);
}

function ipBytes(ip: Ip): Buffer {
  const words = typeof ip === "number" ? [ip] : [ip.w0, ip.w1, ip.w2, ip.w3];
  const bytes = Buffer.alloc(words.length * 4);
  for (const [at, word] of words.entries()) bytes.writeUInt32BE(word >>> 0, at * 4);
  return bytes;
}

/** A number of 16 bits, in network byte order. */
function portBytes(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
