import { once } from "node:events";
import type { EngineName } from "../../../src/dataplane/workers/choose-engine.ts";
import { createWorkersDataplane } from "../../../src/dataplane/workers/workers.ts";
import { formatSocketAddr, type SocketAddr } from "../../../src/net/flow.ts";
import { parseSocketAddr } from "../../../src/net/parse-socket-addr.ts";
import { dataplaneContract, type DataplaneUnderTest } from "../../contract/dataplane.ts";
import { suite } from "../../support/suite.ts";
import { echoNamed, tcpClient, tcpEndpoint } from "./peers.ts";
import { whyMissing } from "./running.ts";

const frontends = ["10.96.0.1:80", "10.96.0.2:80"].map((text) => parseSocketAddr(text, "test"));

/** Two workers, and three endpoints that say which one they are. */
async function underTest(engine: EngineName): Promise<DataplaneUnderTest> {
  const dataplane = createWorkersDataplane({ workers: 2, seed: 1, engine });
  const endpoints = await Promise.all(["0", "1", "2"].map((name) => tcpEndpoint(echoNamed(name))));
  const listensAt = (to: SocketAddr): SocketAddr | undefined =>
    dataplane.status().listeners.find(({ frontend }) => formatSocketAddr(frontend.addr) === formatSocketAddr(to))?.at;
  return {
    dataplane,
    frontends,
    endpoints: endpoints.map(({ addr }) => addr),
    async open(to) {
      const at = listensAt(to);
      if (at === undefined) return undefined;
      const { socket, ended } = await tcpClient(at);
      const said = Promise.race([once(socket, "data"), ended.then(() => [])]);
      const [name] = (await said) as [Buffer | undefined];
      if (name === undefined) return undefined;
      return {
        endpoint: endpoints[Number(String(name))]!.addr,
        async answers() {
          socket.write("x");
          const [echo] = (await once(socket, "data")) as [Buffer];
          return String(echo) === "x";
        },
        async close() {
          socket.end();
          await once(socket, "close");
        },
      };
    },
    async dispose() {
      await Promise.all(endpoints.map((endpoint) => endpoint.close()));
    },
  };
}

for (const engine of ["node", "native"] as const) {
  const missing = whyMissing(engine);
  if (missing === undefined) dataplaneContract(`workers, ${engine} engine`, () => underTest(engine), { sampled: 2 });
  else suite(`workers, ${engine} engine`).skip("dataplane contract", missing);
}
