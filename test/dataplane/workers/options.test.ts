import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { isSluiceError } from "../../../src/core/errors.ts";
import { concerns } from "../../../src/dataplane/workers/endpoint-map.ts";
import { resolveWorkersOptions, type WorkersOptions } from "../../../src/dataplane/workers/options.ts";
import { policyOf } from "../../../src/dataplane/workers/policy.ts";
import { honoursReusePort } from "../../../src/dataplane/workers/reuse-port.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { parseSocketAddr } from "../../../src/net/parse-socket-addr.ts";
import { suite } from "../../support/suite.ts";

const test = suite("workers: options");

test("every option has its default", () => {
  const { seed, log, ...rest } = resolveWorkersOptions();
  assert.deepEqual(rest, {
    workers: Math.max(1, availableParallelism() - 1),
    engine: undefined,
    bind: "loopback",
    listen: {},
    mapEndpoint: [],
    transparent: [],
    modern: false,
    udpIdleMs: undefined,
    connectTimeoutMs: undefined,
    retries: undefined,
    tcpIdleMs: undefined,
    keepaliveSeconds: undefined,
    proxyProtocol: undefined,
    maxUdpFlows: 4096,
    backlog: 4096,
  });
  assert.ok(seed >= 0 && seed < 2 ** 32);
  assert.equal(typeof log.warn, "function");
});

test("what is out of its limits or unknown is named", () => {
  const wrong: readonly [string, object][] = [
    ["workers", { workers: 0 }],
    ["workers", { workers: 1.5 }],
    ["workers", { workers: 65 }],
    ["udpIdleMs", { udpIdleMs: Number.NaN }],
    ["maxUdpFlows", { maxUdpFlows: "many" }],
    ["connectTimeoutMs", { connectTimeoutMs: 0 }],
    ["retries", { retries: 8 }],
    ["tcpIdleMs", { tcpIdleMs: -1 }],
    ["keepaliveSeconds", { keepaliveSeconds: 40_000 }],
    ["proxyProtocol", { proxyProtocol: 3 }],
    ["backlog", { backlog: 0 }],
    ["seed", { seed: -1 }],
    ["bind", { bind: "everywhere" }],
    ["engine", { engine: "rust" }],
    ["worker", { worker: 2 }],
    [
      "mapEndpoint[1].from",
      {
        mapEndpoint: [
          { from: "[::ffff:10.0.0.1]:80", to: "127.0.0.1" },
          { from: "10.0.0.1:80", to: "127.0.0.2" },
        ],
      },
    ],
    [
      "mapEndpoint[1].to",
      {
        mapEndpoint: [
          { from: "10.0.0.1", to: "127.0.0.1" },
          { from: "10.0.0.2:80", to: "x" },
        ],
      },
    ],
  ];
  for (const [path, options] of wrong) {
    assert.throws(
      () => resolveWorkersOptions(options as WorkersOptions),
      (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === path,
      path,
    );
  }
});

test("endpoints are mapped with or without a port", () => {
  const { mapEndpoint } = resolveWorkersOptions({
    mapEndpoint: [
      { from: "10.244.1.1", to: "[::1]:8080" },
      { from: "10.244.1.2:80", to: "127.0.0.1" },
    ],
  });
  assert.deepEqual(mapEndpoint, [
    { from: { ip: parseIp("10.244.1.1"), port: 0 }, to: { ip: parseIp("::1"), port: 8080 } },
    { from: { ip: parseIp("10.244.1.2"), port: 80 }, to: { ip: parseIp("127.0.0.1"), port: 0 } },
  ]);
});

test("a mapping without a port concerns all ports of its address, one with a port that one, and no other address", () => {
  const addr = (text: string) => parseSocketAddr(text, "test", 0);
  const about = (from: string, endpoint: string): boolean => concerns({ from: addr(from) }, addr(endpoint));
  assert.deepEqual(
    ["10.0.0.1:80", "10.0.0.1:81", "10.0.0.1", "10.0.0.2:80"].map((endpoint) => about("10.0.0.1:80", endpoint)),
    [true, false, true, false],
  );
  assert.deepEqual([about("fd00::1", "[fd00::1]:53"), about("fd00::1", "[fd00::2]:53")], [true, false]);
});

test("idle time-outs of UDP are the mode's, unless the options say otherwise", () => {
  const idle = (mode: "userspace" | "iptables" | "ipvs", options = {}): [number, number] => {
    const { udpIdleMs, udpStreamMs } = policyOf(mode, { modern: false, udpIdleMs: undefined, ...options });
    return [udpIdleMs, udpStreamMs];
  };
  assert.deepEqual(idle("userspace"), [250, 250]);
  assert.deepEqual(idle("iptables"), [30_000, 120_000]);
  assert.deepEqual(idle("ipvs"), [300_000, 300_000]);
  assert.deepEqual(idle("userspace", { modern: true }), [30_000, 120_000]);
  for (const mode of ["userspace", "iptables", "ipvs"] as const) {
    assert.deepEqual(idle(mode, { udpIdleMs: 77 }), [77, 77]);
  }
});

test("tries, idle connections, keepalive and the PROXY protocol are the mode's, unless the options say otherwise", () => {
  const of = (mode: "userspace" | "ipvs", options = {}) =>
    policyOf(mode, { modern: false, udpIdleMs: undefined, ...options });
  assert.deepEqual(of("userspace").dialTimeoutsMs, [250, 500, 1000, 2000]);
  assert.deepEqual(of("userspace", { retries: 5 }).dialTimeoutsMs, [250, 500, 1000, 2000, 2000, 2000]);
  assert.deepEqual(of("userspace", { retries: 0 }).dialTimeoutsMs, [250]);
  assert.deepEqual(of("ipvs").dialTimeoutsMs, [0]);
  assert.deepEqual(of("ipvs", { retries: 2, connectTimeoutMs: 70 }).dialTimeoutsMs, [70, 70, 70]);
  const { tcpIdleMs, keepaliveSeconds, proxyProtocol } = of("ipvs");
  assert.deepEqual([tcpIdleMs, keepaliveSeconds, proxyProtocol], [0, 0, 0]);
  const given = { tcpIdleMs: 9, keepaliveSeconds: 8, proxyProtocol: 2 };
  assert.deepEqual({ ...of("userspace"), ...given }, of("userspace", given));
});

test("only the old form of the userspace mode serves one at a time, closes both ways and cuts datagrams", () => {
  const options = { udpIdleMs: undefined };
  const { oneAtATime, closesBoth, datagramBytes } = policyOf("userspace", { ...options, modern: false });
  assert.deepEqual([oneAtATime, closesBoth, datagramBytes], [true, true, 4096]);
  const modern = policyOf("userspace", { ...options, modern: true });
  assert.deepEqual([modern.oneAtATime, modern.closesBoth, modern.datagramBytes], [false, false, 65_535]);
  assert.equal(modern.dialTimeoutsMs.length, 4);
});

test("reusePort is taken at its word from Node 22.12 and 23.1 on, on Linux", () => {
  const on = (version: string, platform: NodeJS.Platform = "linux"): boolean => honoursReusePort(version, platform);
  const versions = ["20.20.2", "21.7.3", "22.11.0", "22.12.0", "23.0.0", "23.1.0", "24.21.0", "25.0.0"];
  assert.deepEqual(
    versions.map((version) => on(version)),
    [false, false, false, true, false, true, true, true],
  );
  assert.equal(on("24.21.0", "darwin"), false);
});
