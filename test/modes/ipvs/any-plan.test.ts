import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import { planIpvs } from "../../../src/modes/ipvs/plan.ts";
import { node, service, slice } from "../../support/objects.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { bring, compiled, heldText, holding } from "./planned.ts";

const test = suite("ipvs mode: any plan");

const anyPods = fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 5 });
const anyService = fc.record({
  pods: anyPods,
  udp: fc.boolean(),
  local: fc.boolean(),
  sticky: fc.boolean(),
  loadBalancer: fc.boolean(),
  ranges: fc.boolean(),
});
const anyTables = fc
  .record({ services: fc.array(anyService, { maxLength: 4 }), scheduler: fc.constantFrom("rr", "lc", "mh") })
  .map(({ services, scheduler }) =>
    compiled(
      [
        node(),
        ...services.flatMap(({ pods, udp, local, sticky, loadBalancer, ranges }, i): readonly ClusterObject[] => {
          const protocol = udp ? "UDP" : "TCP";
          const name = `s${i}`;
          return [
            service({
              name,
              clusterIP: `10.96.0.${i + 1}`,
              type: loadBalancer ? "LoadBalancer" : "ClusterIP",
              ports: [{ name: "http", protocol, port: 80, ...(loadBalancer ? { nodePort: 30080 + i } : {}) }],
              ...(loadBalancer ? { ingress: [{ ip: `203.0.113.${i + 1}` }] } : {}),
              ...(loadBalancer && local ? { externalTrafficPolicy: "Local", healthCheckNodePort: 32000 + i } : {}),
              ...(ranges ? { loadBalancerSourceRanges: ["198.51.100.0/24"] } : {}),
              ...(sticky ? { sessionAffinity: "ClientIP", affinityTimeoutSeconds: 60 } : {}),
            }),
            slice({
              service: name,
              ports: [{ name: "http", protocol, port: 8080 }],
              endpoints: pods.map((pod) => `10.244.2.${pod}`),
            }),
          ];
        }),
      ],
      { scheduler },
    ),
  );

test("from any program to any other: broken off anywhere, every step done twice, it ends where it would in one go", () => {
  fc.assert(
    fc.property(anyTables, anyTables, fc.nat(), (from, to, stop) => {
      const direct = holding(from, to);
      assert.deepEqual(planIpvs(to, direct.state()).steps, []);
      const broken = holding(from);
      const { steps } = planIpvs(to, broken.state());
      for (const step of steps.slice(0, stop % (steps.length + 1))) {
        broken.do(step);
        broken.do(step);
      }
      bring(broken, to);
      assert.deepEqual(heldText(broken, 4), heldText(direct, 4));
      assert.deepEqual(heldText(direct, 4), heldText(holding(to), 4));
    }),
    { seed, numRuns: runs(2000, 150) },
  );
});
