import { SCTP, formatSocketAddr, type Protocol, type SocketAddr, UDP } from "../../net/flow.ts";
import { word } from "../quote.ts";
import type { IpvsTables, RealServer, VirtualServer } from "./tables.ts";

/**
 * The virtual servers as input for `ipvsadm -R`, each followed by its real servers in the order of adding. The text
 * only adds: flush with `ipvsadm -C` before, where others may have left virtual servers.
 *
 * @throws {SluiceError} RULE_TEXT_INVALID for the name of a scheduler or flag that is no plain word.
 */
export function renderIpvs({ virtualServers }: IpvsTables): string {
  return virtualServers.map(virtualServerText).join("");
}

function virtualServerText(virtualServer: VirtualServer): string {
  const service = serviceText(virtualServer.proto, virtualServer.addr);
  const servers = virtualServer.servers.map((server) => `-a ${service}${serverText(server)}\n`);
  return [`-A ${service}${settingsText(virtualServer)}\n`, ...servers].join("");
}

function serviceText(proto: Protocol, addr: SocketAddr): string {
  const option = proto === SCTP ? "--sctp-service" : proto === UDP ? "-u" : "-t";
  return `${option} ${formatSocketAddr(addr)}`;
}

function settingsText({ scheduler, persistenceSeconds, flags }: VirtualServer): string {
  const persistence = persistenceSeconds > 0 ? ` -p ${persistenceSeconds}` : "";
  const schedulerFlags = flags.length > 0 ? ` -b ${flags.map((flag) => word(flag, "flag")).join(",")}` : "";
  return ` -s ${word(scheduler, "scheduler")}${persistence}${schedulerFlags}`;
}

/** `-m`: forwarded by masquerading, the one way that kube-proxy uses. */
function serverText({ addr, weight }: RealServer): string {
  return ` -r ${formatSocketAddr(addr)} -m -w ${weight}`;
}
