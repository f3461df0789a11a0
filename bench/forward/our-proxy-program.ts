/** Our proxy as a peer of others: one worker, a service a backend port; prints where each listens. */
import { planNode } from "../../src/agent/plan.ts";
import { snapshotOf } from "../../src/cluster/state.ts";
import { createWorkersDataplane } from "../../src/dataplane/workers/workers.ts";
import { buildModel } from "../../src/model/build.ts";
import { compileProgram } from "../../src/modes/compile.ts";
import { node, service, slice } from "../../test/support/objects.ts";
import { readArguments } from "./proxied.ts";

const { engine, backends } = readArguments(process.argv.slice(2));
const objects = backends.flatMap(({ work, proto, port }, at) => {
  const servicePort = { name: "", protocol: proto === "udp" ? "UDP" : "TCP", port: 80 } as const;
  return [
    service({ name: work, type: "ClusterIP", clusterIP: `10.96.0.${at + 1}`, ports: [servicePort] }),
    slice({ service: work, name: work, ports: [{ ...servicePort, port }], endpoints: ["127.0.0.1"] }),
  ];
});
const model = buildModel(snapshotOf([node(), ...objects]), "node-a");
const dataplane = createWorkersDataplane({ workers: 1, seed: 1, engine });
await dataplane.apply(compileProgram("ipvs", model), planNode(model, "ipvs"));
const ports = dataplane
  .status()
  .listeners.map(({ frontend, at }) => [frontend.servicePort.replace("default/", ""), at!.port]);
console.log(JSON.stringify(Object.fromEntries(ports)));
