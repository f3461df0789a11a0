// An HTTP client over several servers: each request goes to the server with the least expected latency (peak EWMA).
//
//   node examples/http-client-pool.mjs
//
// It starts three servers of its own on loopback, one of them ten times as slow as the others, and sends them requests.
import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createBalancer, parseIp, TCP } from "sluice/balancers";

/** A pool of connections to several servers of the same service. */
class HttpClientPool {
  #agent = new Agent({ keepAlive: true });
  #balancer;

  /** @param origins such as "http://127.0.0.1:8080". */
  constructor(origins) {
    this.#balancer = createBalancer(
      { algorithm: "peak-ewma" },
      origins.map((id) => ({ id })),
    );
  }

  /** @returns the status, the body, and which server it was. */
  async get(path) {
    // Peak EWMA does not look at the flow; a hashing algorithm would go by its source address.
    const lease = this.#balancer.acquire({ proto: TCP, src: LOCAL, srcPort: 0, dst: LOCAL, dstPort: 80 });
    if (lease === undefined) throw new Error("no server may take a request");
    try {
      const answer = await getFrom(this.#agent, new URL(path, lease.backend));
      lease.release({ failed: answer.status >= 500 });
      return { ...answer, origin: lease.backend };
    } catch (error) {
      lease.release({ failed: true });
      throw error;
    }
  }

  /** Changes the servers while requests are under way. */
  update(origins) {
    this.#balancer.update(origins.map((id) => ({ id })));
  }

  close() {
    this.#agent.destroy();
  }
}

const LOCAL = parseIp("127.0.0.1");

async function getFrom(agent, url) {
  const outgoing = request(url, { agent }).end();
  const [incoming] = await once(outgoing, "response");
  let body = "";
  for await (const chunk of incoming.setEncoding("utf8")) body += chunk;
  return { status: incoming.statusCode, body };
}

async function startServer(delayMs) {
  const server = createServer(async (_, response) => {
    await sleep(delayMs);
    response.end(`after ${delayMs} ms`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, delayMs, origin: `http://127.0.0.1:${server.address().port}` };
}

const servers = await Promise.all([5, 5, 50].map(startServer));
const pool = new HttpClientPool(servers.map(({ origin }) => origin));
const answered = new Map(servers.map(({ origin }) => [origin, 0]));
// Four clients, one request at a time each.
await Promise.all(
  [1, 2, 3, 4].map(async () => {
    for (let sent = 0; sent < 100; sent += 1) {
      const { origin } = await pool.get("/");
      answered.set(origin, answered.get(origin) + 1);
    }
  }),
);
for (const { origin, delayMs } of servers) console.log(`${delayMs} ms: ${answered.get(origin)} requests`);
pool.close();
for (const { server } of servers) server.close();
