/** Names of /etc/protocols that rules use. */
const numbers: Readonly<Record<string, number>> = {
  all: 0,
  ip: 0,
  icmp: 1,
  igmp: 2,
  ipencap: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  ipv6: 41,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  "ipv6-icmp": 58,
  ospf: 89,
  ipip: 94,
  vrrp: 112,
  sctp: 132,
  udplite: 136,
};

/** @param name or the number itself. @returns undefined for a name that is not known. */
export function protocolNumber(name: string): number | undefined {
  if (/^\d{1,3}$/.test(name)) return Number(name);
  return Object.hasOwn(numbers, name) ? numbers[name] : undefined;
}
