import { configInvalid } from "../../core/errors.ts";
import { renderIptables } from "../iptables/render.ts";
import { word } from "../quote.ts";
import type { ForwardTable } from "./forward-table.ts";
import { compilePortals, type ProxySockets } from "./portals.ts";

/**
 * The portal rules as input for `iptables-restore --noflush`, with the proxy port of each forward in a comment line
 * before them. There is no ip6tables input: the userspace mode serves IPv4.
 *
 * @throws {SluiceError} RULE_TEXT_INVALID for a name that could be read as more than itself.
 */
export function renderUserspace(table: ForwardTable, sockets: ProxySockets): string {
  const lines = [...sockets.ports].map(([name, port]) => `# ${word(name, "service port")}: proxy port ${port}\n`);
  return lines.join("") + renderIptables(compilePortals(table, sockets), "restore");
}

/**
 * Gives each forward a proxy port, in order, from `base` upwards.
 *
 * @throws {SluiceError} CONFIG_INVALID when the ports do not all lie in 1…65535.
 */
export function allocateProxyPorts({ forwards }: ForwardTable, base: number): ReadonlyMap<string, number> {
  if (!Number.isInteger(base) || base < 1 || base + forwards.length - 1 > 65535) {
    throw configInvalid("proxyPortBase", `a port with room for ${forwards.length} ports up to 65535`, base);
  }
  return new Map(forwards.map(({ name }, index) => [name, base + index]));
}
