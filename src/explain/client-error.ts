/**
 * What a client's connect() says when it is told by ICMP, by what iptables and nft call the answer. Source: Linux,
 * `icmp_err_convert` and `icmpv6_err_convert`.
 */
const errors: readonly (readonly [answer: RegExp, error: string])[] = [
  [/tcp.reset|port-unreach/, "connection refused"],
  [/proto-unreach|prot-unreach/, "protocol not available"],
  [
    /icmp6-adm-prohibited|icmpv6 .*(?:admin-prohibited|policy-fail|reject-route)|icmp6-(?:policy-fail|reject-route)/,
    "permission denied",
  ],
  [/net-(?:unreach|prohibited)|no-route/, "network is unreachable"],
  [/host-(?:unreach|prohibited)|adm(?:in)?-prohibited|addr-unreach/, "no route to host"],
];

/** @param rule that refuses a packet; without an answer of its own that is ICMP port unreachable. */
export function clientError(rule: string): string | undefined {
  const [, answer] = /(?:--reject-with|reject with) (.+)$/.exec(rule) ?? [];
  return answer === undefined ? "connection refused" : errors.find(([pattern]) => pattern.test(answer))?.[1];
}
