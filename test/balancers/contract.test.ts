import { algorithm, algorithmNames } from "../../src/balancers/registry.ts";
import { balancerContract } from "../contract/balancer.ts";
import { pairedFlows } from "../support/flows.ts";
import { runs } from "../support/seed.ts";
import { tracesOf } from "../support/trace.ts";

/** Tables that are built quickly, so that many traces can be tried. */
const small: Readonly<Record<string, object>> = {
  maglev: { tableSize: 251 },
  mh: { mhTableIndex: 8 },
  ring: { points: 20 },
};
/** They tell flows apart by their addresses. */
const byAddress = new Set(["sh", "dh", "mh", "ring", "maglev", "rendezvous"]);
/** They remember addresses, in so much state that a trace takes milliseconds. */
const remembering = new Set(["lblc", "lblcr"]);
const traces = tracesOf(pairedFlows(4, 1), [1, 61_000, 3_600_000]);

for (const name of algorithmNames) {
  const subject = algorithm(name, small[name]);
  if (remembering.has(name)) balancerContract(name, subject, { traces, numRuns: runs(500, 20) });
  else balancerContract(name, subject, byAddress.has(name) ? { traces } : {});
}
for (const name of ["ring", "maglev", "rendezvous"]) {
  balancerContract(`${name} with bounded loads`, algorithm(name, { ...small[name], hashBalanceFactor: 125 }), {
    traces,
  });
}
balancerContract("edf from random starts", algorithm("edf", { start: "random" }));
balancerContract("lc of kernel 6.1.176", algorithm("lc", { kernel: "6.1.176" }));
