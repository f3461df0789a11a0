import type { EndpointSlice, ObjectMeta, SliceEndpoint } from "../objects.ts";
import { flag, ipAddress, labelOrEmpty, oneOf, portOrNone, protocol, subdomain, text } from "./checks.ts";
import type { Fields } from "./fields.ts";
import { present } from "./present.ts";

const addressType = oneOf("IPv4", "IPv6", "FQDN");

/** Reads a discovery.k8s.io/v1 EndpointSlice. Of an endpoint's addresses only the first has to be one: it alone is used. */
export function readEndpointSlice(object: Fields, metadata: ObjectMeta): EndpointSlice {
  const type = object.required("addressType", addressType);
  return {
    kind: "EndpointSlice",
    metadata,
    addressType: type,
    ports: object.children("ports").map(readPort),
    endpoints: object.children("endpoints").map((endpoint) => readEndpoint(endpoint, type)),
  };
}

function readPort(fields: Fields): EndpointSlice["ports"][number] {
  return present({
    name: fields.optional("name", labelOrEmpty),
    protocol: fields.choice("protocol", protocol),
    port: fields.optional("port", portOrNone) || undefined,
  });
}

function readEndpoint(fields: Fields, type: EndpointSlice["addressType"]): SliceEndpoint {
  const conditions = fields.child("conditions");
  const hints = fields.child("hints");
  return present({
    addresses: fields.list("addresses", text, type === "FQDN" ? text : ipAddress) ?? [],
    conditions: present({
      ready: conditions.optional("ready", flag),
      serving: conditions.optional("serving", flag),
      terminating: conditions.optional("terminating", flag),
    }),
    nodeName: fields.optional("nodeName", subdomain),
    zone: fields.optional("zone", text),
    hints: present({ forZones: readHint(hints, "forZones"), forNodes: readHint(hints, "forNodes") }),
  });
}

/** An unset list and an empty one mean the same here, but both are kept as they are. */
function readHint(hints: Fields, key: string): readonly string[] | undefined {
  return hints.has(key) ? hints.children(key).map((hint) => hint.required("name", text)) : undefined;
}
