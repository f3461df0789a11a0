/** Servers, virtual servers and sockets by literal. */
import type { BackendSettings } from "../../../../src/balancers/backend-spec.ts";
import { type ManualClock, manualClock } from "../../../../src/core/clock.ts";
import { seededRandom } from "../../../../src/core/random.ts";
import type { PacketKind } from "../../../../src/dataplane/emulated/flow-states.ts";
import { Ipvs } from "../../../../src/dataplane/emulated/ipvs/ipvs.ts";
import type { IpvsOptions } from "../../../../src/dataplane/emulated/ipvs/settings.ts";
import type { ServiceSettings, VirtualService } from "../../../../src/dataplane/emulated/ipvs/virtual-service.ts";
import { type Flow, type Protocol, TCP } from "../../../../src/net/flow.ts";
import { parseIp } from "../../../../src/net/ip.ts";
import { parseSocketAddr } from "../../../../src/net/parse-socket-addr.ts";

/** One virtual server at 10.96.0.1:80, or [fd00::1]:80, whose servers are numbers. */
export class Trial {
  readonly clock: ManualClock = manualClock();
  readonly ipvs: Ipvs;
  readonly service: VirtualService;
  #port = 1024;

  constructor(settings: Partial<ServiceSettings> = {}, options: IpvsOptions = {}) {
    this.ipvs = new Ipvs({ clock: this.clock, random: seededRandom(1) }, options);
    this.service = this.ipvs.createService({
      scheduler: "rr",
      flags: [],
      persistence: undefined,
      onePacket: false,
      ...settings,
    });
  }

  /** Adds servers of weight 1, one after the other. */
  servers(...numbers: readonly number[]): this {
    for (const number of numbers) this.add(number);
    return this;
  }

  add(number: number, settings: Partial<BackendSettings> = {}): void {
    this.service.servers.add(addrOf(number), { weight: 1, upper: 0, lower: 0, ...settings });
  }

  edit(number: number, settings: Partial<BackendSettings>): void {
    const { servers } = this.service;
    const server = servers.find(addrOf(number))!;
    const { upper, lower } = servers.set;
    const now = { weight: servers.weightOf(server), upper: upper[server.slot]!, lower: lower[server.slot]! };
    servers.edit(server, { ...now, ...settings });
  }

  remove(number: number): void {
    this.ipvs.removeServer(this.service, this.service.servers.find(addrOf(number))!);
  }

  /** @returns the number of the server, or what else became of the packet. */
  send(flow: Flow, kind: PacketKind = "open"): number | "reject" | "drop" | "pass" {
    const outcome = this.ipvs.packet(flow, kind, this.service);
    return outcome.verdict === "forward" ? numberOf(outcome.server.addr.ip) : outcome.verdict;
  }

  /** Opens a connection from a port of its own, all the way. */
  open(client: string, proto: Protocol = TCP, to?: string): number | "reject" | "drop" | "pass" {
    this.#port += 1;
    const flow = flowOf(client, this.#port, proto, to);
    const opened = this.send(flow);
    if (proto === TCP && typeof opened === "number") {
      this.send(flow, "reply");
      this.send(flow, "request");
    }
    return opened;
  }

  /** Number, active and inactive connections of each server, in list order. */
  counts(): (readonly [number, number, number])[] {
    this.ipvs.expire();
    const { active, inactive } = this.service.servers.set;
    return this.service.servers.listed().map(({ addr, slot }) => [numberOf(addr.ip), active[slot]!, inactive[slot]!]);
  }
}

/** Of a client to the virtual server, or to `to`. */
export function flowOf(client: string, port: number, proto: Protocol = TCP, to?: string): Flow {
  const src = parseIp(client);
  const { ip: dst, port: dstPort } = parseSocketAddr(
    to ?? (client.includes(":") ? "[fd00::1]:80" : "10.96.0.1:80"),
    "to",
  );
  return { proto, src, srcPort: port, dst, dstPort };
}

function addrOf(number: number): { readonly ip: ReturnType<typeof parseIp>; readonly port: number } {
  return { ip: parseIp(`10.244.0.${number}`), port: 8080 };
}

function numberOf(ip: ReturnType<typeof parseIp>): number {
  return Number(ip) & 0xff;
}
