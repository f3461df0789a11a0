import { manualClock } from "../../src/core/clock.ts";
import { seededRandom } from "../../src/core/random.ts";
import { Ipvs } from "../../src/dataplane/emulated/ipvs/ipvs.ts";
import type { VirtualServer } from "../../src/modes/ipvs/tables.ts";
import type { Flow, SocketAddr } from "../../src/net/flow.ts";
import { formatIp } from "../../src/net/ip.ts";

/**
 * Who answers connections that are opened one after the other and stay open, by our own balancers: the address of each
 * one's real server; empty for one that is refused.
 */
export function expectedPicks(server: VirtualServer, clients: readonly SocketAddr[]): readonly string[] {
  const { scheduler, flags, persistenceSeconds, proto, addr } = server;
  const ipvs = new Ipvs({ clock: manualClock(), random: seededRandom(1) });
  const persistence = persistenceSeconds > 0 ? { timeoutMs: persistenceSeconds * 1000 } : undefined;
  const service = ipvs.createService({ scheduler, flags, persistence, onePacket: false });
  for (const real of server.servers) service.servers.add(real.addr, { weight: real.weight, upper: 0, lower: 0 });
  return clients.map(({ ip, port }) => {
    const flow: Flow = { proto, src: ip, srcPort: port, dst: addr.ip, dstPort: addr.port };
    const outcome = ipvs.packet(flow, "open", service);
    return outcome.verdict === "forward" ? formatIp(outcome.server.addr.ip) : "";
  });
}
