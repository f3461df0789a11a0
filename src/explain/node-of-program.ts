import type { NodePlan } from "../dataplane/dataplane.ts";
import type { Program } from "../modes/program.ts";
import type { NodeParts } from "./assemble-node.ts";

/** The parts of a node that runs a compiled program. @returns undefined for the userspace mode, whose proxy is no rule. */
export function partsOfProgram(program: Program, plan: NodePlan): NodeParts | undefined {
  const addresses = plan.nodeAddresses;
  switch (program.mode) {
    case "iptables": {
      const routeLocalnet =
        plan.sysctls?.some(({ path, value }) => path.endsWith("/route_localnet") && value === 1) === true;
      return { addresses, iptables: program.rulesets, sets: [], routeLocalnet };
    }
    case "nftables":
      return { addresses, nftables: program.ruleset, routeLocalnet: false };
    case "ipvs": {
      const around = program.tables.flatMap((table) => (table.around === undefined ? [] : [table.around]));
      return {
        addresses,
        iptables: around.map(({ rules }) => rules),
        sets: around.flatMap(({ sets }) => sets),
        hasVirtualInterface: true,
        servers: program.tables.flatMap(({ virtualServers }) => virtualServers),
        routeLocalnet: true,
      };
    }
    case "userspace":
      return undefined;
  }
}
