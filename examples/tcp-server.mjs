// A TCP server that hands each connection on to the backend with the fewest open ones for its weight (IPVS's wlc).
//
//   node examples/tcp-server.mjs 8080 127.0.0.1:9001 127.0.0.1:9002=3
//
// The second backend has weight 3. Port 0 lets the system choose one. SIGTERM and SIGINT let open connections end.
import { connect, createServer } from "node:net";
import { createBalancer, parseIp, TCP } from "sluice/balancers";

const [port, ...specs] = process.argv.slice(2);
if (specs.length === 0) {
  console.error("usage: node examples/tcp-server.mjs PORT HOST:PORT[=WEIGHT]…");
  process.exit(2);
}

const backends = specs.map((spec) => {
  const [id, weight = "1"] = spec.split("=");
  return { id, weight: Number(weight) };
});
const balancer = createBalancer({ algorithm: "wlc" }, backends);

const server = createServer({ allowHalfOpen: true }, (client) => {
  const lease = balancer.acquire({
    proto: TCP,
    src: parseIp(client.remoteAddress),
    srcPort: client.remotePort,
    dst: parseIp(client.localAddress),
    dstPort: client.localPort,
  });
  if (lease === undefined) {
    client.resetAndDestroy();
    return;
  }
  const [, host, backendPort] = /^(.*):(\d+)$/.exec(lease.backend);
  const backend = connect({ host, port: Number(backendPort), allowHalfOpen: true });
  client.pipe(backend).pipe(client);
  // Whichever side fails takes the other with it; the lease lasts as long as the connection to the backend.
  client.on("error", () => backend.destroy());
  backend.on("error", () => client.destroy());
  backend.on("close", () => lease.release());
});

server.listen(Number(port), "127.0.0.1", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    for (const { id, active } of balancer.counts()) console.log(`${id}: ${active} open`);
    server.close();
  });
}
