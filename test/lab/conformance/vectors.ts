/** Vectors by literal: three servers behind 10.96.0.1:80, unless told otherwise. */
import { parseVector } from "../../../src/lab/conformance/parse-vector.ts";
import type { Vector } from "../../../src/lab/conformance/vector.ts";

export type Literal = Readonly<Record<string, unknown>>;

/** As it stands in a file. */
export function literal(fields: Literal = {}): Literal {
  return {
    scheduler: "rr",
    protocol: "tcp",
    virtual: { address: "10.96.0.1", port: 80 },
    servers: [server(1), server(2), server(3)],
    events: [],
    ...fields,
  };
}

export function vector(fields: Literal = {}): Vector {
  return parseVector(JSON.stringify(literal(fields)), "vector.json");
}

export function server(id: number, fields: Literal = {}): Literal {
  return { id, address: `10.244.0.${id}`, port: 8080, weight: 1, ...fields };
}

/** @param conn also the client's port, unless `fields` says otherwise. */
export function open(conn: number, fields: Literal = {}): Literal {
  return { op: "open", conn, client: { ip: "10.1.1.1", port: 5000 + conn }, result: "ok", ...fields };
}

export function close(conn: number, mode: string, fields: Literal = {}): Literal {
  return { op: "close", conn, mode, ...fields };
}
