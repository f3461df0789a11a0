/** Names of manifests that try to get out of a rule end the program before anything is applied. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runs } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";
import { obstacleTo, onNode } from "./programmed-node.ts";

const missing = await obstacleTo("iptables");
const test = suite("sluice run: names of manifests", { timeoutMs: 300_000 });

const hostile = [
  'web" -j ACCEPT -m comment --comment "',
  "web'; flush ruleset; '",
  "web\nCOMMIT",
  "--jump",
  "web --goto KUBE-SERVICES",
  "$(reboot)",
  "`reboot`",
  "web;reboot",
  "web|sh",
  "web\\",
  "-web",
];

const manifests = (name: string, namespace: string, port: string, slicePort: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: [
      { apiVersion: "v1", kind: "Node", metadata: { name: "node-a" } },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, namespace },
        spec: { clusterIP: "10.96.0.10", ports: [{ name: port, port: 80 }] },
      },
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: "web-1", namespace, labels: { "kubernetes.io/service-name": name } },
        addressType: "IPv4",
        ports: [{ name: slicePort, port: 8080, protocol: "TCP" }],
        endpoints: [{ addresses: ["10.244.1.10"] }],
      },
    ],
  });

/** Each place of a name, with the field that the error has to tell. */
const places: readonly (readonly [string, (name: string) => string])[] = [
  ["items[1].metadata.name", (name) => manifests(name, "default", "http", "http")],
  ["items[1].metadata.namespace", (name) => manifests("web", name, "http", "http")],
  ["items[1].spec.ports[0].name", (name) => manifests("web", "default", name, "http")],
  ["items[2].ports[0].name", (name) => manifests("web", "default", "http", name)],
];

const title = "one with quotes, line ends, dashes in front or signs of a shell: exit 2, its place, and no rule";
if (missing === undefined) {
  test(title, () =>
    onNode("iptables", async (node) => {
      const before = await node.dump();
      for (const [index, name] of hostile.slice(0, runs(hostile.length, places.length)).entries()) {
        const [field, write] = places[index % places.length]!;
        const file = join(node.folder, "cluster.json");
        writeFileSync(file, write(name));
        const args = `run --once --dataplane kernel --mode iptables --hostname-override node-a -f ${file}`.split(" ");
        const { exitCode, stderr } = await sluice(args, "", node.through);
        assert.equal(exitCode, 2, `${name}: ${stderr}`);
        assert.ok(stderr.includes(`${file}:1:`) && stderr.includes(`: ${field}: expected a name of `), stderr);
      }
      assert.equal(await node.dump(), before);
    }),
  );
} else test.skip(title, missing);
