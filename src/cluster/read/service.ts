import type { ObjectMeta, Service, ServicePortSpec } from "../objects.ts";
import { clusterIpAddress, labelOrEmpty, oneOf, port, portOrNone, protocol, seconds, text } from "./checks.ts";
import type { Fields } from "./fields.ts";
import { present } from "./present.ts";

const type = oneOf("ClusterIP", "NodePort", "LoadBalancer", "ExternalName");
const affinity = oneOf("None", "ClientIP");
const policy = oneOf("Cluster", "Local");
const ipFamily = oneOf("IPv4", "IPv6");
const ipMode = oneOf("VIP", "Proxy");

/**
 * Reads a v1 Service. External IPs, source ranges and ingress addresses stay the texts they are: kube-proxy does not
 * refuse a Service for a bad one among them, it passes over it.
 */
export function readService(object: Fields, metadata: ObjectMeta): Service {
  const spec = object.child("spec");
  return {
    kind: "Service",
    metadata,
    spec: present({
      type: spec.choice("type", type),
      clusterIP: spec.optional("clusterIP", clusterIpAddress),
      clusterIPs: spec.list("clusterIPs", clusterIpAddress),
      ipFamilies: spec.list("ipFamilies", ipFamily),
      ports: spec.children("ports").map(readPort),
      externalIPs: spec.list("externalIPs", text),
      loadBalancerSourceRanges: spec.list("loadBalancerSourceRanges", text),
      sessionAffinity: spec.choice("sessionAffinity", affinity),
      affinityTimeoutSeconds: spec.child("sessionAffinityConfig").child("clientIP").optional("timeoutSeconds", seconds),
      internalTrafficPolicy: spec.choice("internalTrafficPolicy", policy),
      externalTrafficPolicy: spec.choice("externalTrafficPolicy", policy),
      healthCheckNodePort: spec.optional("healthCheckNodePort", portOrNone) || undefined,
    }),
    ingress: object.child("status").child("loadBalancer").children("ingress").map(readIngress),
  };
}

function readPort(fields: Fields): ServicePortSpec {
  return present({
    name: fields.optional("name", labelOrEmpty),
    protocol: fields.choice("protocol", protocol),
    port: fields.required("port", port),
    nodePort: fields.optional("nodePort", portOrNone) || undefined,
  });
}

function readIngress(fields: Fields): Service["ingress"][number] {
  return present({ ip: fields.optional("ip", text), ipMode: fields.choice("ipMode", ipMode) });
}
