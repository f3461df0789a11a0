import type { Expression, NftablesRuleset, Rule } from "../../../modes/nftables/ruleset.ts";
import type { SocketAddr } from "../../../net/flow.ts";

/** Every endpoint to which rules send UDP; one may come several times. */
export function* nftablesUdpEndpoints({ tables }: NftablesRuleset): Iterable<SocketAddr> {
  for (const { chains } of tables) for (const { rules } of chains) for (const rule of rules) yield* endpointsOf(rule);
}

function* endpointsOf({ statements }: Rule): Iterable<SocketAddr> {
  const isUdp = statements.some((one) => one.kind === "match" && one.right.kind === "text" && one.right.text === "udp");
  if (!isUdp) return;
  for (const statement of statements) {
    if (statement.kind !== "nat") continue;
    const { address, port } = statement;
    if (address?.kind === "map" && address.data.kind === "set") {
      for (const { data } of address.data.elements) if (data?.kind === "concat") yield* place(data.parts);
    } else yield* place([address, port]);
  }
}

function* place([address, port]: readonly (Expression | undefined)[]): Iterable<SocketAddr> {
  if (address?.kind === "ip" && port?.kind === "number") yield { ip: address.ip, port: port.value };
}
