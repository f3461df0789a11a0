/** The name of a protocol that a trace may be of; others by number. */
export function protocolText(proto: number): string {
  return names.get(proto) ?? String(proto);
}

const names: ReadonlyMap<number, string> = new Map([
  [1, "icmp"],
  [6, "tcp"],
  [17, "udp"],
  [58, "icmpv6"],
  [132, "sctp"],
]);
