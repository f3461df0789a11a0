import { configInvalid } from "../../core/errors.ts";
import type { ForwardTable } from "./forward-table.ts";
import type { PortRange } from "./options.ts";

/**
 * Gives each name a proxy port, the lowest free ones in order; names of the table before keep theirs.
 *
 * @param taken ports that other sockets of the program have.
 * @throws {SluiceError} CONFIG_INVALID when the range has too few.
 */
export function allocateProxyPorts(
  names: readonly string[],
  range: PortRange,
  taken: ReadonlySet<number>,
  before: ForwardTable | undefined,
): ReadonlyMap<string, number> {
  const { first, last } = range;
  const ofBefore = new Map((before?.forwards ?? []).map(({ name, proxyPort }) => [name, proxyPort]));
  const ports = new Map<string, number>();
  for (const name of names) {
    const port = ofBefore.get(name) ?? 0;
    if (port >= first && port <= last && !taken.has(port)) ports.set(name, port);
  }
  const free = freePorts(range, new Set([...taken, ...ports.values()]), new Set(ofBefore.values()));
  for (const name of names) {
    if (ports.has(name)) continue;
    const { value } = free.next();
    if (value === undefined) {
      throw configInvalid("userspace.portRange", `room for ${names.length} proxy ports`, `${first}-${last}`);
    }
    ports.set(name, value);
  }
  return ports;
}

/** Ports that nobody has, those that nobody had before first. */
function* freePorts(
  { first, last }: PortRange,
  inUse: ReadonlySet<number>,
  before: ReadonlySet<number>,
): Generator<number, undefined> {
  for (let port = first; port <= last; port += 1) if (!inUse.has(port) && !before.has(port)) yield port;
  for (let port = first; port <= last; port += 1) if (!inUse.has(port) && before.has(port)) yield port;
  return undefined;
}
