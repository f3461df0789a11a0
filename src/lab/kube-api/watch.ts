import type { ServerResponse } from "node:http";
import type { ObjectStore, StoredEvent } from "./object-store.ts";
import { type ApiRequest, isAskedFor } from "./read-request.ts";
import { statusOf } from "./status.ts";

/** Says that a list which comes as a watch is whole. */
const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

/**
 * Streams what changes, a line of JSON each. From a version on; without one, or from 0, what there is comes first, as
 * added, and also where `sendInitialEvents` asks for it; to whoever allows bookmarks one says that this was all, and others
 * say now and then how far the watch is. It ends after `timeoutSeconds`, or when the client goes.
 */
export function watch(store: ObjectStore, asked: ApiRequest, response: ServerResponse, bookmarkMs: number): void {
  const { resource, query } = asked;
  // An empty one is none: client-go asks so for what is newest.
  const from = Number(query.get("resourceVersion") || 0);
  const initial = query.get("sendInitialEvents");
  const listed = initial === null ? from === 0 : initial === "true";
  const missed = from === 0 || listed ? [] : store.since(from);
  response.writeHead(200, { "Content-Type": "application/json" });
  const say = (type: string, object: object): void => void response.write(`${JSON.stringify({ type, object })}\n`);
  if (missed === undefined) {
    say("ERROR", statusOf(410, "Expired", `too old resource version: ${from}`));
    return void response.end();
  }
  const tell = ({ type, object }: StoredEvent): void => {
    const isOfKind = object.kind === resource.kind && object.apiVersion === resource.groupVersion;
    if (isOfKind && isAskedFor(asked, object)) say(type, object);
  };
  const bookmark = (annotations?: Readonly<Record<string, string>>): void => {
    const metadata = { resourceVersion: String(store.version), ...(annotations === undefined ? {} : { annotations }) };
    say("BOOKMARK", { kind: resource.kind, apiVersion: resource.groupVersion, metadata });
  };
  const marked = query.get("allowWatchBookmarks") === "true";
  if (listed) {
    for (const object of store.list(resource)) if (isAskedFor(asked, object)) say("ADDED", object);
  }
  if (listed && marked) bookmark({ [INITIAL_EVENTS_END]: "true" });
  for (const event of missed) tell(event);
  response.flushHeaders();

  const forget = store.onEvent(tell);
  const marking = marked ? setInterval(() => bookmark(), bookmarkMs) : undefined;
  const seconds = Number(query.get("timeoutSeconds") ?? 0);
  const ending = seconds > 0 ? setTimeout(() => response.end(), seconds * 1000) : undefined;
  response.on("close", () => {
    forget();
    clearInterval(marking);
    clearTimeout(ending);
  });
}
