import Table from "cli-table3";
import { countOf } from "../core/count.ts";
import type { Frontend } from "../dataplane/dataplane.ts";
import type { ListenerStatus, WorkersStatus } from "../dataplane/workers/status.ts";
import { formatSocketAddr, protocolName } from "../net/flow.ts";

/** Where every service is reached, for people. */
export function listenersTable(status: WorkersStatus): string {
  const table = new Table({
    head: ["service port", "kind", "virtual address", "listens at"],
    style: { head: [], border: [], compact: true },
  });
  for (const { frontend, at, reason } of status.listeners) {
    table.push([
      frontend.servicePort,
      frontend.kind,
      virtualAddress(frontend),
      at === undefined ? `- (${reason})` : formatSocketAddr(at),
    ]);
  }
  const dropped = status.notEmulated.map(
    ({ frontend }) =>
      `not emulated: ${frontend.servicePort} drops at its ${frontend.kind} ${virtualAddress(frontend)}; here it accepts and closes`,
  );
  const summary = `${countOf(status.workers.length, "worker")}, ${status.placement}, engine ${status.engine}`;
  return `${[table.toString(), ...dropped, summary].join("\n")}\n`;
}

function virtualAddress({ addr, proto }: Frontend): string {
  return `${formatSocketAddr(addr)}/${protocolName(proto)}`;
}

/** The same as one line of JSON, of which `run` prints one a state. */
export function listenersJson(status: WorkersStatus): string {
  return `${JSON.stringify({
    event: "listening",
    generation: status.generation,
    engine: status.engine,
    placement: status.placement,
    workers: status.workers.length,
    listeners: status.listeners.map(listenerJson),
    notEmulated: status.notEmulated.map(({ frontend, what }) => ({ ...frontendJson(frontend), what })),
  })}\n`;
}

function listenerJson({ frontend, at, workers, reason }: ListenerStatus) {
  return {
    ...frontendJson(frontend),
    listensAt: at === undefined ? null : formatSocketAddr(at),
    ...(reason === undefined ? {} : { reason }),
    workers,
  };
}

function frontendJson({ servicePort, kind, proto, addr }: Frontend) {
  return { servicePort, kind, protocol: protocolName(proto), address: formatSocketAddr(addr) };
}
