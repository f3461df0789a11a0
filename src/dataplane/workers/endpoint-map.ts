import type { SocketAddr } from "../../net/flow.ts";
import { formatSocketAddr } from "../../net/flow.ts";
import { sameIp } from "../../net/ip.ts";

/** Traffic to `from` goes to `to`. In `from` port 0 stands for every port, in `to` for the port it had. */
export interface EndpointMapping {
  readonly from: SocketAddr;
  readonly to: SocketAddr;
}

/** Where traffic to an endpoint really goes; an address with its port wins over the address alone. */
export type MapEndpoint = (endpoint: SocketAddr) => SocketAddr;

/** Whether a mapping is about an endpoint. @param endpoint with port 0 it stands for all of its ports. */
export function concerns({ from }: Pick<EndpointMapping, "from">, { ip, port }: SocketAddr): boolean {
  return sameIp(from.ip, ip) && (from.port === 0 || port === 0 || from.port === port);
}

export function endpointMap(mappings: readonly EndpointMapping[]): MapEndpoint {
  if (mappings.length === 0) return (endpoint) => endpoint;
  const byText = new Map(mappings.map(({ from, to }) => [formatSocketAddr(from), to]));
  return (endpoint) => {
    const to = byText.get(formatSocketAddr(endpoint)) ?? byText.get(formatSocketAddr({ ip: endpoint.ip, port: 0 }));
    if (to === undefined) return endpoint;
    return to.port === 0 ? { ip: to.ip, port: endpoint.port } : to;
  };
}
