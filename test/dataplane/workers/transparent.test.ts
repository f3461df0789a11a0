/** Connections that rules of the kernel redirect are decided by where they were going. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { originalDestinations } from "../../../src/dataplane/workers/node-engine/original-destination.ts";
import { resolveWorkersOptions } from "../../../src/dataplane/workers/options.ts";
import { threadFile } from "../../../src/host/thread-file.ts";
import { modes } from "../../../src/modes/program.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { openNamespace } from "../../support/namespace.ts";
import { obstacleTo } from "../../support/obstacle.ts";
import { suite } from "../../support/suite.ts";
import { whyMissing } from "./running.ts";
import type { TransparentReport } from "./transparent-program.ts";

const redirect = "-t nat -A OUTPUT -p tcp -j REDIRECT --to-ports 15001";
const obstacle = await obstacleTo(`iptables -w ${redirect} && ip6tables -w ${redirect}`);
const namespace = obstacle ?? (await openNamespace(`sluice-redirect-${process.pid}`));
const test = suite("workers: redirected connections", { timeoutMs: 120_000 });

/** Clients and services on a network of their own, so that what is not redirected goes nowhere. */
const network = [
  "ip link add net type veth peer name far",
  "ip link set far up",
  "ip address add 192.0.2.1/24 dev net",
  "ip address add fd00:2::1/64 dev net nodad",
  "ip link set net up",
  "ip route add 10.96.0.0/16 dev net",
  "ip route add fd00:10:96::/48 dev net",
  "iptables -w -t nat -A OUTPUT -p tcp -d 10.96.0.0/16 -j REDIRECT --to-ports 15001",
  "ip6tables -w -t nat -A OUTPUT -p tcp -d fd00:10:96::/48 -j REDIRECT --to-ports 15001",
];

if (typeof namespace !== "string") {
  test.before(async () => {
    for (const command of network) await namespace.run(...command.split(" "));
  });
  test.after(() => namespace.close());
}

for (const engine of ["node", "native"] as const) {
  const name = `${engine} engine: one port of each family serves every service, by the original destination`;
  // Also the Node engine takes the addon for it.
  const missing = whyMissing("native") ?? (typeof namespace === "string" ? namespace : undefined);
  if (missing !== undefined || typeof namespace === "string") test.skip(name, missing ?? "no namespace");
  else
    test(name, async () => {
      const program = fileURLToPath(threadFile(import.meta.url, "transparent-program"));
      const report = JSON.parse(await namespace.run(process.execPath, program, engine)) as TransparentReport;
      for (const mode of modes) {
        const failure = mode === "userspace" ? "end" : "ECONNRESET";
        assert.deepEqual(report[mode], {
          "10.96.0.10:80": "web\nPROXY TCP4 192.0.2.1 10.96.0.10 PORT 80\nsaid",
          // The userspace mode has one family.
          "[fd00:10:96::10]:80": mode === "userspace" ? "" : "six\nPROXY TCP6 fd00:2::1 fd00:10:96::10 PORT 80\nsaid",
          "10.96.0.99:80": failure,
          "127.0.0.1:15001": failure,
        });
      }
    });
}

test("without the addon the Node engine refuses by name", () => {
  assert.throws(() => originalDestinations(() => "the C engine is not built for here"), {
    message: "original destinations take the addon, and the C engine is not built for here",
  });
});

test("a port that no rule could name is refused, and one address twice", () => {
  const at = { ip: parseIp("127.0.0.1"), port: 15_001 };
  for (const transparent of [[{ ...at, port: 0 }], [at, { ...at }]]) {
    assert.throws(() => resolveWorkersOptions({ transparent }), { code: "CONFIG_INVALID" });
  }
});
