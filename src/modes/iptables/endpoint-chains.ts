import type { Endpoint, ServicePort } from "../../model/service-port.ts";
import type { RuleContext } from "./context.ts";
import { chain, type TableDraft } from "./draft.ts";
import { comment, from, jump, markMasquerade, ofProtocol } from "./matches.ts";
import { endpointChain } from "./names.ts";
import { shareThreshold } from "./probability.ts";
import type { Match } from "./ruleset.ts";

/** The chain of each endpoint of one service port, by `ip:port`. */
export type EndpointChains = ReadonlyMap<string, string>;

export function endpointChains({ name, proto, reachable }: ServicePort): EndpointChains {
  return new Map(reachable.map(({ text }) => [text, endpointChain(name, proto, text)]));
}

/**
 * The rules that pick one of n endpoints: who was here lately goes where it went, everybody else to the first with
 * probability 1/n, to the second with 1/(n−1) of the rest, …, to the last for sure.
 */
export function addBalancing(
  nat: TableDraft,
  name: string,
  port: ServicePort,
  endpoints: readonly Endpoint[],
  chains: EndpointChains,
  { endpointComments }: RuleContext,
): void {
  if (endpoints.length === 0) return;
  const rules = chain(nat, name);
  const why = (text: string): readonly Match[] => (endpointComments ? [comment(`${port.name} -> ${text}`)] : []);
  if (port.affinitySeconds > 0) {
    for (const { text } of endpoints) {
      const list = chains.get(text)!;
      const seen: Match = { kind: "recent-check", list, seconds: port.affinitySeconds };
      rules.push({ matches: [...why(text), seen], target: jump(list) });
    }
  }
  let left = endpoints.length;
  for (const { text } of endpoints) {
    const share: Match[] = left === 1 ? [] : [{ kind: "statistic-random", threshold: shareThreshold(left) }];
    rules.push({ matches: [...why(text), ...share], target: jump(chains.get(text)!) });
    left -= 1;
  }
}

/** One chain an endpoint: whatever policy led here, this rewrites the destination. */
export function addEndpointChains(
  nat: TableDraft,
  port: ServicePort,
  chains: EndpointChains,
  { endpointComments }: RuleContext,
): void {
  const why = endpointComments ? [comment(port.name)] : [];
  const ofPort = ofProtocol(port.proto);
  const any: readonly Match[] = [...why, ...ofPort];
  for (const { addr, text } of port.reachable) {
    const list = chains.get(text)!;
    const matches: readonly Match[] =
      port.affinitySeconds > 0 ? [...why, { kind: "recent-set", list }, ...ofPort] : any;
    nat.chains.set(list, [
      // An endpoint that reaches itself would answer itself directly, and drop the answer.
      { matches: [...why, from(addr.ip)], target: markMasquerade },
      { matches, target: { kind: "dnat", to: addr } },
    ]);
  }
}
