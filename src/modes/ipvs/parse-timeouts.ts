import type { IpvsTimeouts } from "./surroundings.ts";

/** Reads the text of `ipvsadm -L --timeout`. @returns undefined where it says nothing of them. */
export function parseTimeouts(text: string): IpvsTimeouts | undefined {
  const [, tcp, tcpFin, udp] = /^Timeout \(tcp tcpfin udp\): (\d+) (\d+) (\d+)$/m.exec(text) ?? [];
  if (udp === undefined) return undefined;
  return { tcpSeconds: Number(tcp), tcpFinSeconds: Number(tcpFin), udpSeconds: Number(udp) };
}
