import { snapshotOf } from "../../src/cluster/state.ts";
import { node, service, slice } from "../support/objects.ts";

const dns = [{ name: "dns", protocol: "UDP", port: 53 }] as const;

/** A TCP service of five endpoints, `default/web:http`, and a UDP service of two, `default/dns:dns`. */
export const smallCluster = snapshotOf([
  node(),
  service(),
  slice({ endpoints: [11, 12, 13, 14, 15].map((n) => `10.244.0.${n}`) }),
  service({ name: "dns", clusterIP: "10.96.0.53", ports: dns }),
  slice({ service: "dns", ports: dns, endpoints: ["10.244.1.1", "10.244.1.2"] }),
]);
