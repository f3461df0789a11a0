import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Manifest } from "../../cluster/manifest.ts";
import type { ObjectStore } from "./object-store.ts";
import { type ApiRequest, isAskedFor, readRequest } from "./read-request.ts";
import { statusOf } from "./status.ts";
import { refusalOf } from "./refusals.ts";
import { watch } from "./watch.ts";

export interface ApiServerOptions {
  /** 0: the system chooses. @default 0 */
  readonly port?: number;
  /** How often a watch that asked for bookmarks gets one, in milliseconds. @default 60_000, as the API server */
  readonly bookmarkMs?: number;
}

export interface ApiServer {
  readonly port: number;
  close(): Promise<void>;
}

const JSON_TYPE = "application/json";
const LARGEST_BODY = 2 ** 20;

/**
 * A stand-in for a Kubernetes API server, on loopback and without TLS: lists, gets and watches what a kube-proxy reads,
 * and takes the events and leases that it writes. JSON only: who wants protobuf alone is told so, and may ask again.
 *
 * Source: Kubernetes API concepts, "Efficient detection of changes", "Watch bookmarks", "Streaming lists".
 */
export async function openApiServer(
  store: ObjectStore,
  { port = 0, bookmarkMs = 60_000 }: ApiServerOptions = {},
): Promise<ApiServer> {
  const server = createServer((request, response) => {
    answer(store, bookmarkMs, request, response).catch((error: Error) => {
      if (response.headersSent) response.destroy();
      else sendStatus(response, 400, "BadRequest", error.message);
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  store: ObjectStore,
  bookmarkMs: number,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "GET", url = "/" } = request;
  if (["/healthz", "/livez", "/readyz"].includes(url.split("?")[0]!)) return void response.end("ok");
  if (url.startsWith("/version")) return send(response, 200, { major: "1", minor: "36", gitVersion: "v1.36.0-sluice" });
  if (!accepts(request.headers.accept)) {
    return sendStatus(response, 406, "NotAcceptable", `only ${JSON_TYPE} is served`);
  }
  const asked = readRequest(url);
  if (asked === undefined) return sendStatus(response, 404, "NotFound", `there is no ${url}`);
  if (method === "POST" || method === "PUT" || method === "PATCH") return write(store, asked, request, response);
  if (method !== "GET") return sendStatus(response, 405, "MethodNotAllowed", `${method} is not served`);
  const isWatch = ["true", "1"].includes(asked.query.get("watch") ?? "");
  const refused = refusalOf(asked, isWatch);
  if (refused !== undefined) return sendStatus(response, 422, "Invalid", refused);
  if (isWatch) return watch(store, asked, response, bookmarkMs);
  read(store, asked, response);
}

/** A client that takes JSON too is answered in it. */
function accepts(header = "*/*"): boolean {
  return header.split(",").some((one) => {
    const type = one.split(";")[0]!.trim();
    return type === JSON_TYPE || type === "*/*" || type === "application/*";
  });
}

function read(store: ObjectStore, asked: ApiRequest, response: ServerResponse): void {
  const { resource, name } = asked;
  const items = store.list(resource).filter((object) => isAskedFor(asked, object));
  if (name === undefined) {
    const metadata = { resourceVersion: String(store.version) };
    send(response, 200, { kind: `${resource.kind}List`, apiVersion: resource.groupVersion, metadata, items });
  } else if (items.length === 1) send(response, 200, items[0]!);
  else sendStatus(response, 404, "NotFound", `${resource.plural} "${name}" not found`);
}

/** Events and leases; what the cluster is made of comes from its file alone. */
async function write(
  store: ObjectStore,
  { resource, namespace, name }: ApiRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (resource.kind !== "Event" && resource.kind !== "Lease") {
    return sendStatus(response, 403, "Forbidden", `${resource.plural} are read only`);
  }
  const type = (request.headers["content-type"] ?? "").split(";")[0];
  if (type !== JSON_TYPE) return sendStatus(response, 415, "UnsupportedMediaType", `only ${JSON_TYPE} is read`);
  const object = JSON.parse(await bodyOf(request)) as Manifest;
  const given = object["metadata"] as { readonly name?: string; readonly generateName?: string } | undefined;
  const metadata = { ...given, name: name ?? given?.name ?? `${given?.generateName ?? ""}${store.version}` };
  send(response, name === undefined ? 201 : 200, store.put(resource, namespace, { ...object, metadata }));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LARGEST_BODY) throw new Error("the body is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "Content-Type": JSON_TYPE }).end(JSON.stringify(body));
}

function sendStatus(response: ServerResponse, code: number, reason: string, message: string): void {
  send(response, code, statusOf(code, reason, message));
}
