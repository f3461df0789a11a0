import type { Endpoints, ObjectMeta } from "../objects.ts";
import { ipAddress, labelOrEmpty, port, protocol, subdomain } from "./checks.ts";
import type { Fields } from "./fields.ts";
import { present } from "./present.ts";

/** Reads a v1 Endpoints. Addresses that are not ready are left out: nobody sends anything there. */
export function readEndpoints(object: Fields, metadata: ObjectMeta): Endpoints {
  const subsets = object.children("subsets").map((subset) => ({
    addresses: subset
      .children("addresses")
      .map((address) =>
        present({ ip: address.required("ip", ipAddress), nodeName: address.optional("nodeName", subdomain) }),
      ),
    ports: subset.children("ports").map((fields) =>
      present({
        name: fields.optional("name", labelOrEmpty),
        protocol: fields.choice("protocol", protocol),
        port: fields.required("port", port),
      }),
    ),
  }));
  return { kind: "Endpoints", metadata, subsets };
}
