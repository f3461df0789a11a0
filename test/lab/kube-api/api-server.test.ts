/** The stand-in for the API server, by an HTTP client that asks as client-go does. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage, request } from "node:http";
import { snapshotOf } from "../../../src/cluster/state.ts";
import { openApiServer } from "../../../src/lab/kube-api/api-server.ts";
import { createObjectStore } from "../../../src/lab/kube-api/object-store.ts";
import { node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";

const test = suite("API server stand-in");
const closing: (() => Promise<void>)[] = [];
test.after(async () => {
  for (const close of closing) await close();
});

const first = [
  node(),
  service(),
  slice({ endpoints: ["10.244.0.11"] }),
  service({ name: "api", clusterIP: "10.96.0.7" }),
];

interface Said {
  readonly type: string;
  readonly object: {
    readonly kind: string;
    readonly code?: number;
    readonly metadata: {
      readonly name?: string;
      readonly resourceVersion?: string;
      readonly annotations?: Readonly<Record<string, string>>;
    };
  };
}

async function open(bookmarkMs?: number) {
  const store = createObjectStore(snapshotOf(first));
  const server = await openApiServer(store, bookmarkMs === undefined ? {} : { bookmarkMs });
  closing.push(server.close);
  const base = `http://127.0.0.1:${server.port}`;
  return {
    store,
    async ask(path: string, init: RequestInit = {}) {
      const response = await fetch(base + path, init);
      return {
        status: response.status,
        type: response.headers.get("content-type"),
        body: JSON.parse(await response.text()),
      };
    },
    async watch(path: string) {
      const asking = get(`${base}${path}`);
      const [response] = (await once(asking, "response")) as [IncomingMessage];
      const said: Said[] = [];
      let rest = "";
      let wake = (): void => {};
      const state = { over: false };
      response.setEncoding("utf8").on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop()!;
        said.push(...lines.map((line) => JSON.parse(line) as Said));
        wake();
      });
      response.on("close", () => {
        state.over = true;
        wake();
      });
      return {
        /** As many as these, in order. */
        async next(count: number): Promise<Said[]> {
          while (said.length < count && !state.over) await new Promise<void>((resolve) => (wake = resolve));
          return said.splice(0, count);
        },
        async ended() {
          while (!state.over) await new Promise<void>((resolve) => (wake = resolve));
          return said;
        },
        close: () => asking.destroy(),
      };
    },
  };
}

const names = (said: readonly Said[]): string[] =>
  said.map(({ type, object }) => `${type} ${object.metadata.name ?? object.kind}`);

test("everything that a kube-proxy lists is a list of its kind, at a version", async () => {
  const { ask } = await open();
  for (const [path, kind, count] of [
    ["/api/v1/services", "ServiceList", 2],
    ["/apis/discovery.k8s.io/v1/endpointslices", "EndpointSliceList", 1],
    ["/api/v1/nodes", "NodeList", 1],
    ["/apis/networking.k8s.io/v1/servicecidrs", "ServiceCIDRList", 0],
    ["/api/v1/namespaces", "NamespaceList", 2],
    ["/apis/events.k8s.io/v1/events", "EventList", 0],
    ["/apis/coordination.k8s.io/v1/leases", "LeaseList", 0],
  ] as const) {
    const { status, body } = await ask(`${path}?limit=500&resourceVersion=0`);
    assert.deepEqual([status, body.kind, body.items.length], [200, kind, count], path);
    assert.match(body.metadata.resourceVersion, /^[1-9]\d*$/);
  }
});

test("lists go by namespace, name, labels and fields", async () => {
  const { ask, store } = await open();
  const labelled = service({
    name: "headless",
    clusterIP: "10.96.0.8",
    labels: { "service.kubernetes.io/headless": "" },
  });
  store.replace(snapshotOf([...first, labelled]));
  const count = async (path: string): Promise<number> => (await ask(path)).body.items.length;
  assert.equal(await count("/api/v1/services"), 3);
  const selector = encodeURIComponent("!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name");
  assert.equal(await count(`/api/v1/services?labelSelector=${selector}`), 2);
  assert.equal(await count(`/api/v1/services?labelSelector=service.kubernetes.io%2Fheadless`), 1);
  assert.equal(await count("/api/v1/namespaces/default/services"), 3);
  assert.equal(await count("/api/v1/namespaces/kube-system/services"), 0);
  assert.equal(await count("/api/v1/nodes?fieldSelector=metadata.name%3Dnode-a"), 1);
  assert.equal(await count("/api/v1/nodes?fieldSelector=metadata.name%3Dnode-b"), 0);
  assert.equal((await ask("/api/v1/nodes/node-a")).body.metadata.name, "node-a");
  assert.equal((await ask("/api/v1/namespaces/default/services/api")).body.spec.clusterIP, "10.96.0.7");
  const missing = await ask("/api/v1/nodes/node-b");
  assert.deepEqual([missing.status, missing.body.reason], [404, "NotFound"]);
});

test("a watch from a list's version sees what comes after it, once: added, modified, deleted", async () => {
  const { ask, watch, store } = await open();
  const { resourceVersion } = (await ask("/api/v1/services")).body.metadata;
  // Between list and watch.
  const added = service({ name: "new", clusterIP: "10.96.0.9" });
  store.replace(snapshotOf([...first, added]));
  const watching = await watch(`/api/v1/services?watch=true&resourceVersion=${resourceVersion}`);
  assert.deepEqual(names(await watching.next(1)), ["ADDED new"]);
  store.replace(snapshotOf([...first, service({ name: "new", clusterIP: "10.96.0.10" })]));
  store.replace(snapshotOf(first));
  const [modified, deleted] = await watching.next(2);
  assert.deepEqual(names([modified!, deleted!]), ["MODIFIED new", "DELETED new"]);
  assert.ok(Number(deleted!.object.metadata.resourceVersion) > Number(modified!.object.metadata.resourceVersion));
  // Nothing differs: nothing is said. And of other kinds nothing is.
  store.replace(snapshotOf(first));
  store.replace(snapshotOf([...first, slice({ name: "other", endpoints: ["10.244.0.12"] })]));
  store.replace(snapshotOf([...first, service({ name: "last", clusterIP: "10.96.0.11" })]));
  assert.deepEqual(names(await watching.next(1)), ["ADDED last"]);
  watching.close();
});

test("a watch without a version begins with what there is, and ends after timeoutSeconds", async () => {
  const { watch } = await open();
  const watching = await watch("/api/v1/services?watch=1&timeoutSeconds=1");
  assert.deepEqual(names(await watching.ended()).sort(), ["ADDED api", "ADDED web"]);
});

test("a list that comes as a watch ends with a bookmark that says so", async () => {
  const { watch, store } = await open();
  const query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const watching = await watch(`/api/v1/services?${query}`);
  const said = await watching.next(3);
  assert.equal(said[2]!.type, "BOOKMARK");
  assert.deepEqual(said[2]!.object.metadata.annotations, { "k8s.io/initial-events-end": "true" });
  assert.equal(said[2]!.object.metadata.resourceVersion, String(store.version));
  watching.close();
});

test("without a version, or with an empty one, a watch that allows bookmarks is told when it has all", async () => {
  const { watch } = await open();
  for (const version of ["", "&resourceVersion=", "&resourceVersion=0"]) {
    const watching = await watch(`/api/v1/services?watch=true&allowWatchBookmarks=true${version}`);
    const said = await watching.next(3);
    assert.deepEqual(
      said.map(({ type }) => type),
      ["ADDED", "ADDED", "BOOKMARK"],
      version,
    );
    assert.deepEqual(said[2]!.object.metadata.annotations, { "k8s.io/initial-events-end": "true" });
    watching.close();
  }
});

test("a watch that wants no initial events sees only what changes from then on", async () => {
  const { watch, store } = await open();
  const query = "watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const watching = await watch(`/api/v1/services?${query}`);
  store.replace(snapshotOf([...first, service({ name: "new", clusterIP: "10.96.0.9" })]));
  assert.deepEqual(names(await watching.next(1)), ["ADDED new"]);
  watching.close();
});

test("what the API server refuses is refused in its words", async () => {
  const { ask } = await open();
  const forbidden = "resourceVersionMatch: Forbidden: ";
  const needed = `${forbidden}sendInitialEvents requires setting resourceVersionMatch to NotOlderThan`;
  for (const [query, message] of [
    ["watch=true&sendInitialEvents=true", needed],
    [
      "watch=true&sendInitialEvents=true&resourceVersionMatch=Exact",
      `[${needed}, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]`,
    ],
    [
      "watch=1&resourceVersionMatch=NotOlderThan",
      `${forbidden}resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided`,
    ],
    ["sendInitialEvents=true", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"],
  ] as const) {
    const { status, body } = await ask(`/api/v1/services?${query}`);
    assert.deepEqual([status, body.reason], [422, "Invalid"], query);
    assert.equal(body.message, `ListOptions.meta.k8s.io "" is invalid: ${message}`);
  }
});

test("bookmarks come to whoever allows them, with the newest version, and to nobody else", async () => {
  const { watch, store } = await open(20);
  const version = store.version;
  const quiet = await watch(`/api/v1/nodes?watch=true&resourceVersion=${version}`);
  const marked = await watch(`/api/v1/nodes?watch=true&resourceVersion=${version}&allowWatchBookmarks=true`);
  const [bookmark] = await marked.next(1);
  assert.deepEqual([bookmark!.type, bookmark!.object.kind], ["BOOKMARK", "Node"]);
  assert.equal(bookmark!.object.metadata.resourceVersion, String(version));
  assert.equal(bookmark!.object.metadata.annotations, undefined);
  store.replace(snapshotOf([...first, node({ name: "node-b" })]));
  assert.deepEqual(names(await quiet.next(1)), ["ADDED node-b"]);
  quiet.close();
  marked.close();
});

test("a version that is too old to know is told as expired", async () => {
  const { watch, store } = await open();
  for (let at = 0; at < 10_010; at += 1) {
    store.replace(snapshotOf([node(), service({ clusterIP: `10.96.1.${1 + (at % 2)}` })]));
  }
  const [said] = await (await watch("/api/v1/services?watch=true&resourceVersion=1")).ended();
  assert.deepEqual([said!.type, said!.object.code], ["ERROR", 410]);
});

test("protobuf alone is refused by its content type, and JSON beside it is what comes", async () => {
  const { ask } = await open();
  const protobuf = "application/vnd.kubernetes.protobuf";
  const refused = await ask("/api/v1/services", { headers: { accept: protobuf } });
  assert.deepEqual([refused.status, refused.body.reason], [406, "NotAcceptable"]);
  const both = await ask("/api/v1/services", { headers: { accept: `${protobuf}, application/json;q=0.9` } });
  assert.deepEqual([both.status, both.type], [200, "application/json"]);
  const headers = { "content-type": protobuf };
  const written = await ask("/api/v1/namespaces/default/events", { method: "POST", headers, body: "k8s" });
  assert.deepEqual([written.status, written.body.reason], [415, "UnsupportedMediaType"]);
});

test("events and leases are taken; services are read only", async () => {
  const { ask, store } = await open();
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ metadata: { name: "started" }, reason: "Starting" });
  const event = await ask("/apis/events.k8s.io/v1/namespaces/default/events", { method: "POST", headers, body });
  assert.deepEqual([event.status, event.body.kind, event.body.reason], [201, "Event", "Starting"]);
  const lease = await ask("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-a", {
    method: "PUT",
    headers,
    body: JSON.stringify({ metadata: { name: "node-a" }, spec: { holderIdentity: "node-a" } }),
  });
  assert.deepEqual([lease.status, lease.body.metadata.namespace], [200, "kube-node-lease"]);
  // Another cluster does not take away what a client wrote.
  store.replace(snapshotOf([node()]));
  assert.equal((await ask("/apis/events.k8s.io/v1/events")).body.items.length, 1);
  const service = await ask("/api/v1/namespaces/default/services", { method: "POST", headers, body });
  assert.equal(service.status, 403);
  const broken = await ask("/api/v1/namespaces/default/events", { method: "POST", headers, body: "{" });
  assert.equal(broken.status, 400);
  assert.equal((await ask("/api/v1/nodes/node-a", { method: "DELETE" })).status, 405);
  assert.equal((await ask("/api/v1/pods")).status, 404);
});

test("it says that it is healthy", async () => {
  const store = createObjectStore(snapshotOf([]));
  const server = await openApiServer(store);
  closing.push(server.close);
  const asking = request({ port: server.port, host: "127.0.0.1", path: "/healthz" }).end();
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  response.resume();
});
