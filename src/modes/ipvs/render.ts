import { formatSocketAddr, type Protocol, SCTP, UDP } from "../../net/flow.ts";
import { formatIp, type Ip, type Ip6 } from "../../net/ip.ts";
import { word } from "../quote.ts";
import type { Forwarding, KernelServer, RealServer, ServerPlace } from "./tables.ts";

/**
 * Virtual servers as input for `ipvsadm -R`, each followed by its real servers in the order of adding. The text only
 * adds: flush with `ipvsadm -C` before, where others may have left virtual servers. `ipvsadm -S -n` prints the same,
 * sorted (`asListed`), and without thresholds.
 *
 * ipvsadm goes on after a line that the kernel refuses, and its exit code is that of the last line.
 *
 * @throws {SluiceError} RULE_TEXT_INVALID for the name of a scheduler or flag that is no plain word.
 */
export function renderIpvs({ virtualServers }: { readonly virtualServers: readonly KernelServer[] }): string {
  return virtualServers.map(virtualServerText).join("");
}

/** `-t 10.96.0.10:80`, `-f 7 -6`: the words by which ipvsadm knows a virtual server. */
export function serviceWords(server: ServerPlace): string {
  if ("fwmark" in server) return `-f ${server.fwmark}${server.family === 6 ? " -6" : ""}`;
  return `${protocolOption(server.proto)} ${formatSocketAddr(server.addr)}`;
}

/** All that makes up a virtual server besides: scheduler, persistence, flags. */
export function settingsWords(server: KernelServer): string {
  const { scheduler, flags, onePacket } = server;
  const schedulerFlags = flags.length > 0 ? ` -b ${flags.map((flag) => word(flag, "flag")).join(",")}` : "";
  return `-s ${word(scheduler, "scheduler")}${persistenceWords(server)}${onePacket ? " -o" : ""}${schedulerFlags}`;
}

/** A real server as `-a` and `-e` take it. */
export function realServerWords({ addr, weight, forwarding, upper, lower }: RealServer): string {
  const [way, tunnel] = forwardingWords(forwarding);
  const thresholds = `${upper === undefined ? "" : ` -x ${upper}`}${lower === undefined ? "" : ` -y ${lower}`}`;
  return `-r ${formatSocketAddr(addr)} ${way} -w ${weight}${thresholds}${tunnel}`;
}

function virtualServerText(server: KernelServer): string {
  const service = serviceWords(server);
  const servers = server.servers.map((one) => `-a ${service} ${realServerWords(one)}\n`);
  return [`-A ${service} ${settingsWords(server)}\n`, ...servers].join("");
}

function protocolOption(proto: Protocol): string {
  return proto === SCTP ? "--sctp-service" : proto === UDP ? "-u" : "-t";
}

function persistenceWords({ persistenceSeconds, persistenceMask, persistenceEngine }: KernelServer): string {
  if (persistenceSeconds === 0) return "";
  const mask = persistenceMask === undefined ? "" : ` -M ${maskText(persistenceMask)}`;
  const engine = persistenceEngine === undefined ? "" : ` --pe ${word(persistenceEngine, "engine")}`;
  return ` -p ${persistenceSeconds}${mask}${engine}`;
}

/** Of IPv4 any mask, of IPv6 the number of bits. */
function maskText(mask: Ip): string {
  return typeof mask === "number" ? formatIp(mask) : String(bitsOf(mask));
}

/** The leading ones. */
function bitsOf({ w0, w1, w2, w3 }: Ip6): number {
  return [w0, w1, w2, w3].reduce((sum, word) => sum + Math.clz32(~word), 0);
}

function forwardingWords(forwarding: Forwarding = { by: "masquerade" }): readonly [way: string, tunnel: string] {
  switch (forwarding.by) {
    case "masquerade":
      return ["-m", ""];
    case "route":
      return ["-g", ""];
    case "tunnel":
      return ["-i", tunnelWords(forwarding)];
  }
}

const checksums = { none: "nocsum", full: "csum", remote: "remcsum" } as const;

function tunnelWords({ tunnel }: Forwarding & { readonly by: "tunnel" }): string {
  if (tunnel === undefined) return "";
  const port = tunnel.port === undefined ? "" : ` --tun-port ${tunnel.port}`;
  const checksum = tunnel.checksum === undefined ? "" : ` --tun-${checksums[tunnel.checksum]}`;
  return ` --tun-type ${tunnel.type}${port}${checksum}`;
}
