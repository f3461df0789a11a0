import { algorithm } from "../../balancers/registry.ts";
import type { RealServer, VirtualServer } from "../../modes/ipvs/tables.ts";
import type { Program } from "../../modes/program.ts";
import type { Forward } from "../../modes/userspace/forward-table.ts";
import { formatSocketAddr, protocolName } from "../../net/flow.ts";
import { sameIp } from "../../net/ip.ts";
import { schedulerOptions } from "./ipvs/scheduler-options.ts";

/** A pool that a program asks for. */
export interface PoolPlan {
  /** `10.96.0.1:80/TCP` for a virtual server, the name for a userspace forward. */
  readonly key: string;
  readonly algorithm: string;
  /** Options of the algorithm. */
  readonly options: Readonly<Record<string, unknown>>;
  /** 0: no affinity. */
  readonly affinitySeconds: number;
  /** In the order in which they are added. */
  readonly servers: readonly RealServer[];
  /**
   * How the list follows the program. `linked`: as IPVS, each new server to the head, the others stay where they are.
   * `shuffled`: as the userspace mode, the whole list is shuffled whenever the set of servers changes.
   */
  readonly order: "linked" | "shuffled";
}

/**
 * Every pool that deciding by this program takes: none in the iptables and nftables modes.
 *
 * @throws {SluiceError} BALANCER_INVALID for a scheduler that is not there, and for a flag that no scheduler has.
 */
export function poolPlans(program: Program): readonly PoolPlan[] {
  switch (program.mode) {
    case "iptables":
    case "nftables":
      return [];
    case "ipvs":
      return program.tables.flatMap(({ virtualServers }) => virtualServers.map(virtualServerPlan));
    case "userspace":
      return program.table.forwards.map(forwardPlan);
  }
}

/** Whether two plans ask for the very same, servers in the same order. */
export function samePlan(a: PoolPlan, b: PoolPlan): boolean {
  return (
    a.algorithm === b.algorithm &&
    sameOptions(a.options, b.options) &&
    a.affinitySeconds === b.affinitySeconds &&
    a.order === b.order &&
    a.servers.length === b.servers.length &&
    a.servers.every((server, index) => sameServer(server, b.servers[index]!))
  );
}

export function sameOptions(a: PoolPlan["options"], b: PoolPlan["options"]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function sameServer(a: RealServer, b: RealServer): boolean {
  return a.weight === b.weight && a.addr.port === b.addr.port && sameIp(a.addr.ip, b.addr.ip);
}

/** IPVS's own name of a virtual server, as kube-proxy prints it. */
export function virtualServerKey({ addr, proto }: Pick<VirtualServer, "addr" | "proto">): string {
  return `${formatSocketAddr(addr)}/${protocolName(proto).toUpperCase()}`;
}

function virtualServerPlan(server: VirtualServer): PoolPlan {
  const key = virtualServerKey(server);
  const options = schedulerOptions(server.scheduler, server.flags, {}, key);
  return {
    key,
    algorithm: algorithm(server.scheduler, options).name,
    options,
    affinitySeconds: server.persistenceSeconds,
    servers: server.servers,
    order: "linked",
  };
}

function forwardPlan(forward: Forward): PoolPlan {
  return {
    key: forward.name,
    algorithm: "rr",
    options: {},
    affinitySeconds: forward.affinitySeconds,
    servers: forward.endpoints.map((addr) => ({ addr, weight: 1 })),
    order: "shuffled",
  };
}
