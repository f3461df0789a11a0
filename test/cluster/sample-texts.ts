import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inProject } from "../support/root.ts";

const boutique = inProject("test", "golden", "clusters", "boutique");
const recorded = inProject("test", "golden", "kube-proxy");

/** `kubectl get services,endpointslices,nodes -A -o yaml` of a real cluster. */
export const boutiqueYaml: string = join(boutique, "cluster.yaml");
/** The same with `-o json`. */
export const boutiqueJson: string = join(boutique, "cluster.json");
export const boutiqueServiceCidrs: string = join(boutique, "servicecidrs.yaml");

/** The objects of recorded scenarios, at their start and at each of their steps. */
export const recordedFiles: readonly string[] = readdirSync(recorded, { recursive: true, encoding: "utf8" })
  .filter((file) => /(?:objects|\.apply)\.yaml$/.test(file))
  .map((file) => join(recorded, file))
  .sort();

/** A Service, as most people write one. */
export const plainService = `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  clusterIP: 10.96.0.10
  ports:
  - name: http
    port: 80
`;

/** Comments wherever they may stand, and what `kubectl --show-managed-fields` adds. */
export const annotatedService = `# a
apiVersion: v1 # b
kind: Service   # c
metadata: # d
  # e
  name: 'web' # f
  labels: {} # g
  managedFields:
  - fieldsType: FieldsV1
    fieldsV1:
      f:metadata:
        f:labels:
          .: {}
          f:kubernetes.io/name: {}
      f:spec:
        f:ports:
          k:{"port":80,"protocol":"TCP"}:
            .: {}
            f:port: {}
    manager: kubectl
spec:
  clusterIP: "10.96.0.10" # h
  ports:
  # i
  - name: http # j
    port: 80 # k
  externalIPs:
  - 192.0.2.1 # l
  - "a #b"
  - a#b #c #d
`;

/** The same objects in as many forms of YAML as fit. */
export const unusualYaml = `# a comment
apiVersion: v1
kind: List
metadata: {resourceVersion: ""}
items:
  - &web
    apiVersion: v1
    kind: Service
    metadata:
      "name": 'web'
      namespace: &ns !!str default
      labels: {app: web, "tier/x": "a\\tb"}
      annotations:
        literal: |
          {"apiVersion": "v1"}

          more
        folded: >-
          one
          line
        keep: |+
          text

    spec:
      type: NodePort
      clusterIP: "10.96.0.10"
      ports: [{name: http, port: 0x50, nodePort: 30080, targetPort: web}] # flow
      externalIPs:
      - 192.0.2.1
      -   192.0.2.2
  -
    apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    addressType: IPv4
    metadata:
      name: web-1
      namespace: *ns
      labels:
        ? kubernetes.io/service-name
        : web
    ports:
      - {name: http, port: 8080}
    endpoints:
      - addresses:
          - 10.244.1.1
        conditions: {ready: True, serving: ~}
        nodeName: node-a
`;

/** Small texts of every shape, to be damaged. */
export const smallTexts: readonly string[] = [
  plainService,
  annotatedService,
  unusualYaml,
  firstItems(3),
  firstItems(3, 24),
  JSON.stringify(JSON.parse(firstItemsJson(3)), null, 2),
  firstItemsJson(2),
  ...recordedFiles.filter((_, i) => i % 10 === 0).map((file) => readFileSync(file, "utf8")),
];

/** The List of the boutique with a few of its items. */
function firstItems(count: number, from = 0): string {
  const [head = "", ...items] = readFileSync(boutiqueYaml, "utf8").split(/^(?=- |kind: List)/m);
  return [head, ...items.slice(from, from + count), items.at(-1)].join("");
}

function firstItemsJson(count: number): string {
  const list = JSON.parse(readFileSync(boutiqueJson, "utf8")) as { items: unknown[] };
  return JSON.stringify({ ...list, items: list.items.slice(0, count) });
}
