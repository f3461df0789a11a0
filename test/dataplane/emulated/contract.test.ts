import { manualClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { createEmulated, type Emulated } from "../../../src/dataplane/emulated/emulated.ts";
import type { Dataplane } from "../../../src/dataplane/dataplane.ts";
import { createFaulty } from "../../../src/dataplane/faulty.ts";
import { formatSocketAddr } from "../../../src/net/flow.ts";
import { dataplaneContract, type DataplaneUnderTest } from "../../contract/dataplane.ts";
import { addr, flow } from "./literals.ts";

/** An emulated node, seen through the dataplane that `wrap` makes of it. */
function underTest(wrap: (node: Emulated) => Dataplane): DataplaneUnderTest {
  const node = createEmulated({ random: seededRandom(1), clock: manualClock() });
  let port = 1024;
  return {
    dataplane: wrap(node),
    frontends: ["10.96.0.1:80", "10.96.0.2:80"].map(addr),
    endpoints: ["10.244.1.1:8080", "10.244.1.2:8080", "10.244.2.1:8080"].map(addr),
    async open(to) {
      port += 1;
      const opened = flow(`10.244.1.9:${port}`, formatSocketAddr(to));
      const decision = node.packet(opened);
      if (decision.verdict !== "forward") return undefined;
      const endpoint = formatSocketAddr(decision.to);
      node.packet(opened, "reply");
      return {
        endpoint: decision.to,
        async answers() {
          const next = node.packet(opened, "request");
          return next.verdict === "forward" && formatSocketAddr(next.to) === endpoint;
        },
        async close() {
          node.packet(opened, "client-fin");
          node.packet(opened, "server-fin");
        },
      };
    },
    async dispose() {},
  };
}

dataplaneContract("emulated", async () => underTest((node) => node));
dataplaneContract("faulty without faults", async () => underTest((node) => createFaulty(node, new Map())));
