import { countOf } from "../core/count.ts";
import type { CounterName, Counters } from "../dataplane/workers/counters.ts";

/** What is told only if it has happened. */
const troubles: Readonly<Partial<Record<CounterName, string>>> = {
  acceptFailures: "connections could not be accepted",
  rejected: "rejected, as the program says",
  dropped: "dropped, as the program says (not emulated for TCP: clients saw their connections accepted and closed)",
  refused: "attempts to reach an endpoint failed",
  resets: "TCP connections ended by a reset",
  udpEvicted: "UDP flows forgotten early, as the table was full",
  datagramsCut: "datagrams cut to the buffer of the userspace mode",
  datagramsLost: "datagrams lost on the way",
  callsRefused: "system calls that the host would not make together, made one by one",
};

/** What has been carried since the start, in a few lines for people. */
export function countersText(counters: Counters): readonly string[] {
  const { accepted, bytesToEndpoints, bytesToClients, udpFlows, datagramsToEndpoints, datagramsToClients } = counters;
  const tcp = `${countOf(accepted, "TCP connection")} (${countOf(bytesToEndpoints, "byte")} there, ${bytesToClients} back)`;
  const udp = `${countOf(udpFlows, "UDP flow")} (${countOf(datagramsToEndpoints, "datagram")} there, ${datagramsToClients} back)`;
  const happened = (Object.keys(troubles) as CounterName[]).filter((name) => counters[name] > 0);
  return [`carried ${tcp}, ${udp}`, ...happened.map((name) => `${counters[name]} ${troubles[name]}`)];
}

/** The same as one line of JSON: the last one that `run` prints. */
export function countersJson(counters: Counters): string {
  return `${JSON.stringify({ event: "stopped", counters })}\n`;
}
