/** Hosts of others: their rules, interfaces and routes, and what becomes of packets there in one line. */
import { readFileSync } from "node:fs";
import { formatFraction } from "../../src/dataplane/emulated/netfilter/fraction.ts";
import { parseIpAddr, parseIpRoute } from "../../src/dataplane/emulated/netfilter/parse-ip-json.ts";
import { assembleNode, type NodeParts } from "../../src/explain/assemble-node.ts";
import { endpointText } from "../../src/explain/gather.ts";
import type { PacketOutcome } from "../../src/explain/packet-outcome.ts";
import { type PacketTrace, tracePacket } from "../../src/explain/trace-packet.ts";
import { parseIptables } from "../../src/modes/iptables/parse.ts";
import { type Protocol, TCP } from "../../src/net/flow.ts";
import { parseSocketAddr } from "../../src/net/parse-socket-addr.ts";
import { inProject } from "../support/root.ts";

export const read = (name: string): string => readFileSync(inProject("test", "explain", "hosts", name), "utf8");

/** `eth0 10.0.0.5/24` and so on. */
export function addresses(...links: readonly string[]): NonNullable<NodeParts["interfaces"]> {
  return parseIpAddr(
    JSON.stringify(
      links.map((link) => {
        const [ifname, ...ips] = link.split(" ");
        const infos = ips.map((ip) => ({
          family: "inet",
          local: ip.split("/")[0],
          prefixlen: Number(ip.split("/")[1]),
        }));
        return { ifname, addr_info: infos };
      }),
    ),
  );
}

/** `10.1.0.0/16 dev eth0`, `default via 10.0.0.1 dev eth0`. */
export function routes(...lines: readonly string[]): NonNullable<NodeParts["routes"]> {
  return parseIpRoute(
    JSON.stringify(
      lines.map((line) => {
        const [, dst, , gateway, dev] = /^(\S+)( via (\S+))? dev (\S+)$/.exec(line) ?? [];
        return gateway === undefined ? { dst, dev } : { dst, dev, gateway };
      }),
    ),
  );
}

export interface Host {
  traced(from: string, to: string, proto?: Protocol): PacketTrace;
  said(from: string, to: string, proto?: Protocol): string;
}

export function hostOf(name: string, parts: Partial<NodeParts>): Host {
  return hostWith(read(`${name}.rules.txt`), parts);
}

/** @param text of iptables-save. */
export function hostWith(text: string, parts: Partial<NodeParts>): Host {
  const rules = parseIptables(text, 4);
  const { node } = assembleNode({ addresses: [], iptables: [rules], ...parts });
  const traced: Host["traced"] = (from, to, proto = TCP) => {
    const [src, dst] = [parseSocketAddr(from, "from", 40_000), parseSocketAddr(to, "to")];
    return tracePacket(node, { proto, src: src.ip, srcPort: src.port, dst: dst.ip, dstPort: dst.port });
  };
  return { traced, said: (from, to, proto) => traced(from, to, proto).outcomes.map(outcomeText).join("; ") };
}

export function outcomeText({ probability, verdict, to, source, by, device, back }: PacketOutcome): string {
  const share = formatFraction(probability) === "1" ? "" : `${formatFraction(probability)} `;
  if (verdict === "drop" || verdict === "reject" || verdict === "undecided") return `${share}${verdict} ${by}`;
  const answer = back === undefined || back.verdict === "pass" ? "" : `, answer: ${back.verdict}`;
  return `${share}${verdict} ${endpointText(to)} from ${endpointText(source)}${device === "" ? "" : ` by ${device}`}${answer}`;
}
