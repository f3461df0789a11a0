import { flag, oneOf } from "../../cluster/read/checks.ts";
import { located } from "../../cluster/read/document.ts";
import { Fields } from "../../cluster/read/fields.ts";
import { readJson } from "../../cluster/text/json.ts";
import { withPlaces } from "../../cluster/with-places.ts";
import { TCP, UDP } from "../../net/flow.ts";
import { counts, pick } from "./checks.ts";
import { readEvent, readServer, type Seen } from "./read-events.ts";
import { readAddress, readService, readSysctls, readTimeouts } from "./read-service.ts";
import type { Outcome, Vector, VectorEvent } from "./vector.ts";

/**
 * Reads one vector: a JSON map with `scheduler`, `flags`, `protocol`, `virtual`, `persistence`, `onePacket`, `sysctl`,
 * `timeouts`, `servers` and `events`, and what was recorded: `picks`, `packetPicks`, `counts`, `variants`, `otherRuns`.
 * Scheduler, protocol, virtual, servers and events must be there; what was not recorded is not compared.
 *
 * @param file names the text in errors.
 * @throws {SluiceError} INPUT_INVALID for the first thing that is not what it must be, naming its field.
 */
export function parseVector(text: string, file: string): Vector {
  return withPlaces(text, file, (body) => {
    const document = readJson(body);
    return located(document, () => readVector(Fields.of(document.value)));
  });
}

function readVector(fields: Fields): Vector {
  const service = readService(fields);
  const seen: Seen = {
    address: readAddress(fields, service.persistence !== undefined),
    conns: new Set(),
    listed: new Map(),
  };
  for (const field of ["servers", "events"]) if (!fields.has(field)) fields.fail(field, "a list");
  const servers = fields.children("servers").map((server) => readServer(server, seen));
  const events = fields.children("events").map((event) => readEvent(event, seen));
  // Forwarded otherwise, IPVS sees no packets of servers.
  fields.optional("forwarding", oneOf("masq"));
  return {
    proto: fields.required("protocol", oneOf("tcp", "udp")) === "tcp" ? TCP : UDP,
    service,
    sysctls: readSysctls(fields.child("sysctl")),
    timeoutsMs: readTimeouts(fields.child("timeouts")),
    servers,
    events,
    deterministic: fields.optional("deterministic", flag) ?? true,
    ...readOutcome(fields, events),
    variants: readVariants(fields.child("variants"), events),
    otherRuns: fields.children("otherRuns").map((run) => readOutcome(run, events).picks ?? []),
  };
}

function readVariants(fields: Fields, events: readonly VectorEvent[]): ReadonlyMap<string, Outcome> {
  return new Map(fields.names.map((kernel) => [kernel, readOutcome(fields.child(kernel), events)]));
}

function readOutcome(fields: Fields, events: readonly VectorEvent[]): Outcome {
  const number = (op: VectorEvent["op"]): number => events.filter((event) => event.op === op).length;
  const outcome = {
    picks: fields.list("picks", pick),
    packetPicks: fields.list("packetPicks", pick),
    counts: fields.list("counts", counts),
  };
  const expected = { picks: number("open"), packetPicks: number("packet"), counts: events.length };
  for (const field of ["picks", "packetPicks", "counts"] as const) {
    const recorded = outcome[field];
    if (recorded === undefined || recorded.length === expected[field]) continue;
    fields.fail(field, `${expected[field]} entries, not ${recorded.length}`);
  }
  return outcome;
}
