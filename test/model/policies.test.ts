import assert from "node:assert/strict";
import type { SliceEndpoint } from "../../src/cluster/objects.ts";
import { endpoint, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";
import { onlyPort } from "./seen.ts";

/** The four pods of kube-proxy's own tests of terminating endpoints; .1 and .2 are here, .4 and .5 are not. */
const pod = (n: number, about: Parameters<typeof endpoint>[1] = {}): SliceEndpoint =>
  endpoint(`10.0.1.${n}`, { nodeName: n < 3 ? "node-a" : "node-b", ...about });
const going = { ready: false, serving: true, terminating: true };
const gone = { ready: false, serving: false, terminating: true };
const ports = [{ name: "http", port: 80, nodePort: 30_080 }];
const internalLocal = { internalTrafficPolicy: "Local" } as const;

/** Where packets to the cluster IP and to the outside addresses may go; `drop` and `reject` as kube-proxy does. */
interface Row {
  readonly it: string;
  readonly of?: Parameters<typeof service>[0];
  readonly pods: readonly SliceEndpoint[];
  readonly internal: readonly number[] | "drop" | "reject";
  readonly external: readonly number[] | "drop" | "reject";
}

const external = (policy: "Cluster" | "Local") =>
  ({ type: "LoadBalancer", externalTrafficPolicy: policy, ports, ingress: [{ ip: "1.2.3.4" }] }) as const;
const noneReady = [pod(1, gone), pod(2, gone), pod(4, gone), pod(5, gone)];

const rows: readonly Row[] = [
  { it: "no endpoints: refused everywhere", pods: [], internal: "reject", external: "reject" },
  { it: "policies Cluster: all", pods: [pod(1), pod(4)], internal: [1, 4], external: [1, 4] },
  {
    it: "external Local: outside traffic stays here",
    of: external("Local"),
    pods: [pod(1), pod(4)],
    internal: [1, 4],
    external: [1],
  },
  {
    it: "external Local, none here: outside traffic is dropped, not refused",
    of: external("Local"),
    pods: [pod(4)],
    internal: [4],
    external: "drop",
  },
  {
    it: "external Local, none anywhere: refused",
    of: external("Local"),
    pods: [],
    internal: "reject",
    external: "reject",
  },
  { it: "internal Local, one here: it", of: internalLocal, pods: [pod(1), pod(4)], internal: [1], external: [] },
  { it: "internal Local, two here: both", of: internalLocal, pods: [pod(1), pod(2)], internal: [1, 2], external: [] },
  { it: "internal Local, none here: dropped", of: internalLocal, pods: [pod(4)], internal: "drop", external: [] },
  {
    it: "internal Local leaves outside traffic alone",
    of: { ...external("Cluster"), ...internalLocal },
    pods: [pod(4), pod(5)],
    internal: "drop",
    external: [4, 5],
  },
  {
    it: "external Cluster, some ready: only those",
    of: external("Cluster"),
    pods: [pod(1), pod(2), pod(4, going), pod(5, gone)],
    internal: [1, 2],
    external: [1, 2],
  },
  {
    it: "external Cluster, only terminating: all that serve, here and elsewhere",
    of: external("Cluster"),
    pods: [pod(1, going), pod(2, gone), pod(4, going), pod(5, gone)],
    internal: [1, 4],
    external: [1, 4],
  },
  {
    it: "external Cluster, only terminating elsewhere: it",
    of: external("Cluster"),
    pods: [pod(4, going)],
    internal: [4],
    external: [4],
  },
  {
    it: "external Cluster, none serves: refused",
    of: external("Cluster"),
    pods: noneReady,
    internal: "reject",
    external: "reject",
  },
  {
    it: "external Local, some ready: outside traffic to the ready ones here",
    of: external("Local"),
    pods: [pod(1), pod(2), pod(4, going), pod(5)],
    internal: [1, 2, 5],
    external: [1, 2],
  },
  {
    it: "external Local, here only terminating: each policy falls back for itself",
    of: external("Local"),
    pods: [pod(1, going), pod(2, gone), pod(4), pod(5, gone)],
    internal: [4],
    external: [1],
  },
  {
    it: "external Local, only terminating elsewhere: outside traffic is dropped",
    of: external("Local"),
    pods: [pod(5, going)],
    internal: [5],
    external: "drop",
  },
  {
    it: "external Local, none serves: refused",
    of: external("Local"),
    pods: noneReady,
    internal: "reject",
    external: "reject",
  },
];

const test = suite("model: what becomes of traffic by policy");
for (const { it, of = {}, pods, internal, external } of rows) {
  test(it, () => {
    const port = onlyPort([service(of), slice({ endpoints: pods })]);
    const outcome = (has: boolean, local: boolean): readonly number[] | "drop" | "reject" => {
      if (!has) return port.hasAny ? "drop" : "reject";
      return (local ? port.localEndpoints : port.clusterEndpoints).map(({ addr }) => (addr.ip as number) & 255);
    };
    assert.deepEqual(
      {
        internal: outcome(port.hasInternal, port.internalLocal),
        external: outcome(port.hasExternal, port.externalLocal),
      },
      { internal, external },
    );
  });
}
