import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { suite } from "../support/suite.ts";
import { sluice, startSluice } from "./cli.ts";
import { servicesOf, writeCluster } from "./cluster-file.ts";
import { ask, killAll, listensAt, runSluice, type Stopped } from "./running-sluice.ts";

const test = suite("sluice run: options", { timeoutMs: 60_000, sampled: 2 });
const open: (Server | Socket)[] = [];

test.after(() => {
  killAll();
  for (const one of open) one.close();
});

/** A server that answers once it has heard everything. @returns its port. */
async function answerer(text: string): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {}).resume();
    socket.on("end", () => socket.end(text));
  });
  open.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A UDP socket that says from which port each datagram came. @returns its port. */
async function portTeller(): Promise<number> {
  const socket = createSocket("udp4", (_, from) => socket.send(String(from.port), from.port, from.address));
  open.push(socket);
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket.address().port;
}

/** A client at a port of its own. @returns what one datagram of it is answered. */
async function udpClient(at: string): Promise<() => Promise<string>> {
  const socket = createSocket("udp4");
  open.push(socket);
  const [host, port] = at.split(":");
  return async () => {
    const send = (): void => socket.send("?", Number(port), host);
    send();
    // An answer that comes once the flow is forgotten is lost.
    const again = setInterval(send, 2000);
    const [answer] = (await once(socket, "message")) as [Buffer];
    clearInterval(again);
    return String(answer);
  };
}

/** A server that sends back all that it hears. @returns its port. */
async function mirror(): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.on("error", () => {}).pipe(socket));
  open.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

for (const engine of ["node", "native"]) {
  test(`--retries reaches the endpoint that is there, and --proxy-protocol tells it the client (${engine})`, async () => {
    const endpointPort = await mirror();
    // Nobody is at 127.0.0.8.
    const file = writeCluster(
      "retries.json",
      servicesOf([{ name: "web", endpoints: ["127.0.0.1", "127.0.0.8"], endpointPort }]),
    );
    const args = ["-f", file, "--mode", "ipvs", "--engine", engine, "--proxy-protocol", "v1"];
    const { next, stop } = runSluice([...args, "--retries", "1", "--connect-timeout-ms", "5000"]);
    const at = listensAt(await next(), "default/web:main");
    for (let connection = 0; connection < 4; connection += 1) {
      const answer = await ask(at);
      assert.match(
        answer,
        new RegExp(String.raw`^PROXY TCP4 127\.0\.0\.1 ${at.split(":")[0]} \d+ ${at.split(":")[1]}\r\n`),
      );
    }
    const { exitCode } = await stop();
    assert.equal(exitCode, 0);
  });
}

test("--listen fixes where service ports listen, by name and by number, for TCP and UDP", async () => {
  const [endpointPort, udpPort] = [await answerer("hello"), await portTeller()];
  const file = writeCluster(
    "listen.json",
    servicesOf([
      { name: "web", endpoints: ["127.0.0.1"], endpointPort },
      {
        name: "dns",
        clusterIp: "10.96.0.10",
        protocol: "UDP",
        port: 53,
        endpoints: ["127.0.0.1"],
        endpointPort: udpPort,
      },
    ]),
  );
  const [web, dns] = [`127.0.0.2:${await freePort()}`, `127.0.0.3:${await freePort()}`];
  const run = runSluice(["-f", file, "--listen", `default/web:main=${web}`, `default/dns:53=${dns}`]);
  const listening = await run.next();
  assert.deepEqual([listensAt(listening, "default/web:main"), listensAt(listening, "default/dns:main")], [web, dns]);
  assert.equal(await ask(web), "hello");
  assert.match(await (await udpClient(dns))(), /^\d+$/);
  assert.equal((await run.stop()).exitCode, 0);
});

test("--udp-idle-ms: a UDP flow that is idle for that long is forgotten, and the next datagram makes another", async () => {
  const endpointPort = await portTeller();
  const udp = { protocol: "UDP", port: 53, endpoints: ["127.0.0.1"], endpointPort } as const;
  const file = writeCluster("idle.json", servicesOf([{ name: "dns", ...udp }]));
  // The mode's own: five minutes.
  const run = runSluice(["-f", file, "--mode", "ipvs", "--udp-idle-ms", "20"]);
  const tell = await udpClient(listensAt(await run.next(), "default/dns:main"));
  const first = await tell();
  let last = first;
  for (let looks = 0; looks < 100 && last === first; looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    last = await tell();
  }
  assert.notEqual(last, first);
  run.child.kill("SIGTERM");
  assert.ok((await run.next<Stopped>()).counters["udpFlows"]! >= 2);
});

test("--modern: in the mode userspace an end of one direction leaves the other open; without it both end", async () => {
  const file = writeCluster(
    "modern.json",
    servicesOf([{ name: "web", endpoints: ["127.0.0.1"], endpointPort: await answerer("after all") }]),
  );
  for (const [flags, answer] of [[["--modern"], "after all"] as const, [[], ""] as const]) {
    const run = runSluice(["-f", file, "--mode", "userspace", ...flags]);
    assert.equal(await ask(listensAt(await run.next(), "default/web:main"), "question"), answer);
    assert.equal((await run.stop()).exitCode, 0);
  }
});

test("what the program drops is named with its address, counted, and told at the end", async () => {
  const endpoints = { endpoints: ["127.0.0.1"], endpointPort: await answerer("hello") };
  const spec = { type: "LoadBalancer", loadBalancerSourceRanges: ["192.0.2.0/24"] };
  const file = writeCluster("drop.json", servicesOf([{ name: "web", ...endpoints, spec, ingress: ["203.0.113.5"] }]));
  const run = runSluice(["-f", file, "--mode", "iptables"]);
  const listening = await run.next();
  const frontend = {
    servicePort: "default/web:main",
    kind: "load-balancer",
    protocol: "tcp",
    address: "203.0.113.5:80",
  };
  assert.deepEqual(listening.notEmulated, [{ ...frontend, what: "drop" }]);
  assert.equal(await ask(listensAt(listening, "default/web:main")), "hello");
  assert.match(await ask(listensAt(listening, "default/web:main", "load-balancer")), /^(|ECONNRESET)$/);
  run.child.kill("SIGTERM");
  const { counters } = await run.next<Stopped>();
  assert.deepEqual([counters["accepted"], counters["dropped"], counters["bytesToClients"]], [2, 1, 5]);
  const { stderr } = await run.ended();
  assert.match(
    stderr,
    /carried 2 TCP connections \(0 bytes there, 5 back\), 0 UDP flows \(0 datagrams there, 0 back\)$/m,
  );
  assert.match(stderr, /1 dropped, as the program says \(not emulated for TCP: /);
});

test("with the table on standard output, what is dropped is named below it", async () => {
  const spec = { type: "LoadBalancer", loadBalancerSourceRanges: ["192.0.2.0/24"] };
  const web = { name: "web", endpoints: ["127.0.0.1"], endpointPort: 9, spec, ingress: ["203.0.113.5"] };
  const child = startSluice(["run", "-f", writeCluster("table.json", servicesOf([web])), "--mode", "iptables"]);
  let stdout = "";
  while (!/\d+ workers?, /.test(stdout)) stdout += String((await once(child.stdout!, "data"))[0]);
  assert.match(
    stdout,
    /^not emulated: default\/web:main drops at its load-balancer 203\.0\.113\.5:80\/tcp; here it accepts and closes$/m,
  );
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

test("a host that has no descriptors left is told in one short line, with what to do", async () => {
  const many = Array.from({ length: 300 }, (_, n) => ({
    name: `s${n}`,
    clusterIp: `10.97.${n >> 8}.${n & 255}`,
    endpoints: ["127.0.0.1"],
    endpointPort: 9,
  }));
  const file = writeCluster("many.json", servicesOf(many));
  const limited = ["sh", "-c", 'ulimit -n 180; exec "$0" "$@"'];
  const { exitCode, stderr } = await sluice(["run", "-f", file, "--mode", "ipvs", "--workers", "2"], "", limited);
  assert.equal(exitCode, 4, stderr);
  const line = stderr.split("\n").find((one) => one.includes("EMFILE"));
  assert.match(line!, /\d+ sockets cannot be opened: (default\/s\d+:main: .*?; ){3}and \d+ more; raise .*ulimit -n/);
  assert.ok(line!.length < 600, line);
});
