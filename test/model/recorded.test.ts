/**
 * The model against the rules that kube-proxy itself wrote: which endpoints a service port's chains lead to, in which
 * order, and which service ports are refused or dropped, read from the comments of the rules.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { buildModel } from "../../src/model/build.ts";
import type { ServicePort } from "../../src/model/service-port.ts";
import { readScenario, scenarioFolders } from "../support/recorded-scenario.ts";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";
import { texts } from "./seen.ts";

/** `-j KUBE-SEP-…` of a service chain; with `--rcheck` it serves clients that were there before. */
const BRANCH = /^-A KUBE-(SVC|SVL)-\w+ (?!.*--rcheck).*--comment "(\S+) -> (\S+)".* -j KUBE-SEP-/;
const CLOSED = /^-A KUBE-((?:EXTERNAL-)?SERVICES) .*--comment "(\S+) has no (local )?endpoints"/;

/** One line a policy of a service port that leads somewhere, or an address of it that is closed; sorted. */
function outcomes(dump: string): readonly string[] {
  const branches = new Map<string, string[]>();
  const closed: string[] = [];
  for (const rule of dump.split("\n")) {
    const [, chain, name, endpoint] = BRANCH.exec(rule) ?? [];
    if (endpoint !== undefined) {
      const key = `${name} ${chain === "SVL" ? "local" : "cluster"}`;
      branches.set(key, [...(branches.get(key) ?? []), endpoint]);
    }
    const [, where, port, local] = CLOSED.exec(rule) ?? [];
    if (port !== undefined) {
      closed.push(
        `${port} ${where === "SERVICES" ? "internal" : "external"} ${local === undefined ? "reject" : "drop"}`,
      );
    }
  }
  return [...[...branches].map(([key, endpoints]) => [key, ...endpoints].join(" ")), ...closed].sort();
}

function expectedOutcomes(ports: readonly ServicePort[]): readonly string[] {
  return ports.flatMap(outcomesOf).sort();
}

function outcomesOf(port: ServicePort): readonly string[] {
  const { name, clusterEndpoints, localEndpoints, hasAny } = port;
  const verdict = hasAny ? "drop" : "reject";
  const outside = port.externalIps.length + port.loadBalancerIps.length + (port.nodePort === 0 ? 0 : 1);
  return [
    ...(clusterEndpoints.length === 0 ? [] : [[name, "cluster", ...texts(clusterEndpoints)].join(" ")]),
    ...(localEndpoints.length === 0 ? [] : [[name, "local", ...texts(localEndpoints)].join(" ")]),
    ...(port.hasInternal ? [] : [`${name} internal ${verdict}`]),
    ...(port.hasExternal ? [] : Array.from({ length: outside }, () => `${name} external ${verdict}`)),
  ];
}

const test = suite("model: as kube-proxy's own rules tell it");
const files = [
  [4, "iptables-save"],
  [6, "ip6tables-save"],
] as const;

for (const folder of scenarioFolders(inProject("test", "golden", "kube-proxy"))) {
  test(basename(folder), () => {
    let compared = 0;
    for (const { name, snapshot } of readScenario(folder).stages) {
      const { servicePorts } = buildModel(snapshot, "node-a");
      for (const [family, dump] of files) {
        const file = join(folder, "expected", `${name}.iptables.${dump}.txt`);
        if (!existsSync(file)) continue;
        compared += 1;
        assert.deepEqual(
          outcomes(readFileSync(file, "utf8")),
          expectedOutcomes(servicePorts[family]),
          `${name}, ${dump}`,
        );
      }
    }
    assert.ok(compared > 0, "nothing was recorded");
  });
}
