import Table from "cli-table3";
import type { ListenerStatus, WorkersStatus } from "../dataplane/workers/status.ts";
import { formatSocketAddr, protocolName } from "../net/flow.ts";

/** Where every service is reached, for people. */
export function listenersTable(status: WorkersStatus): string {
  const table = new Table({
    head: ["service port", "kind", "virtual address", "listens at"],
    style: { head: [], border: [], compact: true },
  });
  for (const { frontend, at, reason } of status.listeners) {
    const virtual = `${formatSocketAddr(frontend.addr)}/${protocolName(frontend.proto)}`;
    table.push([
      frontend.servicePort,
      frontend.kind,
      virtual,
      at === undefined ? `- (${reason})` : formatSocketAddr(at),
    ]);
  }
  const dropped = status.notEmulated.map(
    ({ frontend }) => `not emulated: ${frontend.servicePort} drops; here it accepts and closes`,
  );
  const summary = `${status.workers.length} worker${status.workers.length === 1 ? "" : "s"}, ${status.placement}, engine node`;
  return `${[table.toString(), ...new Set(dropped), summary].join("\n")}\n`;
}

/** The same as one line of JSON. */
export function listenersJson(status: WorkersStatus): string {
  return `${JSON.stringify({
    generation: status.generation,
    engine: "node",
    placement: status.placement,
    workers: status.workers.length,
    listeners: status.listeners.map(listenerJson),
    notEmulated: status.notEmulated.map(({ frontend, what }) => ({ servicePort: frontend.servicePort, what })),
  })}\n`;
}

function listenerJson({ frontend, at, workers, reason }: ListenerStatus) {
  return {
    servicePort: frontend.servicePort,
    kind: frontend.kind,
    protocol: protocolName(frontend.proto),
    address: formatSocketAddr(frontend.addr),
    listensAt: at === undefined ? null : formatSocketAddr(at),
    ...(reason === undefined ? {} : { reason }),
    workers,
  };
}
