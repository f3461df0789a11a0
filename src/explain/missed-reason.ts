import { formatIp } from "../net/ip.ts";
import { endpointText } from "./gather.ts";
import type { AskedService } from "./reasons.ts";
import type { PacketTrace } from "./trace-packet.ts";

type Asked = Pick<AskedService, "ruled" | "isUnreached">;

/** A service that is there, and that the packet passes by. */
export function missedReason({ head, outcomes, stale }: PacketTrace, { ruled, isUnreached }: Asked): readonly string[] {
  const isPassed =
    outcomes.every(({ verdict }) => verdict === "pass") && head.about === undefined && stale === undefined;
  if (!isPassed) return [];
  if (isUnreached()) {
    return [
      `IPVS has a virtual server at ${endpointText({ ip: head.dst, port: head.dstPort })}, and serves what is sent to the ` +
        `node alone: no interface of the node has ${formatIp(head.dst)}`,
    ];
  }
  const place = ruled();
  const steps = outcomes[0]?.path.filter(({ matched }) => matched) ?? [];
  if (place === undefined) return [];
  if (steps.some(({ where }) => where === "nat/KUBE-SERVICES")) {
    return [`the rules of ${place} send the packet to no endpoint`];
  }
  const hook = outcomes[0]?.path.find(({ where }) => where.startsWith("nat/"))?.hook ?? "PREROUTING";
  const ending = steps.find(({ where, effect }) => where.startsWith("nat/") && effect === "accept");
  const cause =
    ending === undefined
      ? `none that matches leads from ${hook} to KUBE-SERVICES`
      : `${ending.where}: ${ending.rule} is before them`;
  return [`the rules have ${place}, and the packet does not come to them: ${cause}`];
}
