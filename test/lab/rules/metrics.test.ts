import assert from "node:assert/strict";
import { recordedMetrics } from "../../../src/lab/rules/compare-metrics.ts";
import { readExposition } from "../../../src/lab/rules/read-exposition.ts";
import { readRecording } from "../../../src/lab/rules/recording.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";

const test = suite("metrics of recordings");
const recording = (name: string) => readRecording(inProject("test", "golden", "kube-proxy", name));

test("a page's metrics are read with their labels, but for those that make a histogram", () => {
  const page = [
    "# HELP b_seconds How long.",
    "# TYPE b_seconds histogram",
    'b_seconds_bucket{ip_family="IPv4",le="1"} 1',
    'b_seconds_count{ip_family="IPv4"} 1',
    "# HELP a_total How many, by two.",
    "# TYPE a_total counter",
    'a_total{table="nat",ip_family="IPv6"} 3',
    "# HELP c No series.",
    "# TYPE c gauge",
    "",
  ].join("\n");
  assert.deepEqual(readExposition(page), [
    { name: "a_total", type: "counter", help: "How many, by two.", labels: ["ip_family", "table"] },
    { name: "b_seconds", type: "histogram", help: "How long.", labels: ["ip_family"] },
    { name: "c", type: "gauge", help: "No series.", labels: [] },
  ]);
});

test("where they were read, kube-proxy's own are compared, by mode", () => {
  const counts = ["iptables", "nftables"].map(
    (mode) => recordedMetrics(recording("001-clusterip-tcp-1ep"), mode)?.length,
  );
  assert.deepEqual(counts, [24, 21]);
  assert.equal(recordedMetrics(recording("002-clusterip-tcp-2ep"), "iptables"), undefined);
});
