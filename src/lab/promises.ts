import type { BalancePromise } from "../measure/balance.ts";
import { type WorkName, workOf } from "../measure/work.ts";
import type { VirtualServer } from "../modes/ipvs/tables.ts";
import type { Program } from "../modes/program.ts";
import { formatSocketAddr, type SocketAddr, TCP } from "../net/flow.ts";
import type { StandIns } from "./stand-ins.ts";

/** Nobody promised anything. */
const nothing: BalancePromise = Object.freeze({ kind: "none" });
/** IPVS keeps a closed TCP connection as inactive for this long: the time-out of TIME_WAIT. */
const TIME_WAIT_MS = 120_000;
/**
 * How far the counts of lc can lie apart when nothing is open, for each lane but one. Take the last pick of backend i:
 * it had the smallest 257 × active + inactive, and has 257 more then. Until nothing is open, i falls by 256 for each of
 * its connections that closes; another backend falls by 256 for each that it had open at that pick, lanes − 1 at most,
 * and otherwise only rises. So i ends at most 1 + 256 × (lanes − 1) above it, and what they end at is their counts.
 */
const LEAST_CONNECTION_STEP = 256;
/** IPVS's time-out of UDP entries. */
const UDP_MS = 300_000;

/**
 * What a program promises about the distribution of new connections or flows over the endpoints of a service port, in
 * one work. Of a scheduler that is not known here, and where clients keep their endpoint, nothing.
 */
export function promiseOf(program: Program, standIns: StandIns, work: WorkName): BalancePromise {
  if (standIns.port.affinitySeconds > 0) return nothing;
  switch (program.mode) {
    case "userspace":
      return { kind: "exact" };
    case "iptables":
    case "nftables":
      return { kind: "uniform-random" };
    case "ipvs":
      return ipvsPromise(virtualServerOf(program, standIns), standIns, work);
  }
}

function ipvsPromise({ scheduler, servers }: VirtualServer, { port, addrs }: StandIns, work: WorkName): BalancePromise {
  const isTcp = port.proto === TCP;
  switch (scheduler) {
    case "rr":
      return { kind: "exact" };
    case "lc":
      // Flows of UDP are inactive from the start: each goes to a backend with the fewest flows.
      return isTcp
        ? { kind: "bounded", perLane: LEAST_CONNECTION_STEP, withinMs: TIME_WAIT_MS }
        : { kind: "bounded", perLane: 0, withinMs: UDP_MS };
    case "sed":
      return {
        kind: "first",
        // The kernel's list has the newest server first.
        order: servers.map(({ addr }) => indexOf(addrs, addr)).reverse(),
        // With one connection fewer than lanes open, one of as many servers has none. UDP flows are never active.
        reach: isTcp ? workOf(work).concurrency : 1,
      };
    default:
      return nothing;
  }
}

function virtualServerOf(program: Program & { mode: "ipvs" }, { port }: StandIns): VirtualServer {
  const key = formatSocketAddr({ ip: port.clusterIp, port: port.port });
  const servers = program.tables.flatMap(({ virtualServers }) => virtualServers);
  const found = servers.find((one) => formatSocketAddr(one.addr) === key && one.proto === port.proto);
  if (found === undefined) throw new TypeError(`the ipvs program has no virtual server ${key}`);
  return found;
}

function indexOf(addrs: readonly SocketAddr[], addr: SocketAddr): number {
  const text = formatSocketAddr(addr);
  const index = addrs.findIndex((one) => formatSocketAddr(one) === text);
  if (index < 0) throw new TypeError(`the ipvs program has a server that is no stand-in: ${text}`);
  return index;
}
