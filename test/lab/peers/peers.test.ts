/** Other programs in a dataplane's place, with real connections. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSocket } from "node:dgram";
import { planNode } from "../../../src/agent/plan.ts";
import { isSluiceError } from "../../../src/core/errors.ts";
import { execOk } from "../../../src/host/exec.ts";
import { findPeers } from "../../../src/lab/peers/find-peers.ts";
import { createPeerDataplane, peerVersion } from "../../../src/lab/peers/peer-dataplane.ts";
import { isListening } from "../../../src/lab/peers/listening.ts";
import { peerNames, type PeerName } from "../../../src/lab/peers/peer.ts";
import { buildModel } from "../../../src/model/build.ts";
import { snapshotOf } from "../../../src/cluster/state.ts";
import { compileProgram } from "../../../src/modes/compile.ts";
import { TCP, UDP, type SocketAddr } from "../../../src/net/flow.ts";
import { formatIp } from "../../../src/net/ip.ts";
import { node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { echoNamed, tcpClient, type TcpEndpoint, tcpEndpoint } from "../../dataplane/workers/peers.ts";

const versions = new Map(await Promise.all(peerNames.map(async (name) => [name, await peerVersion(name)] as const)));
const test = suite("peers", { timeoutMs: 60_000 });

function check(peer: PeerName, name: string, body: () => Promise<void>): void {
  if (versions.get(peer) === undefined) test.skip(`${peer}: ${name}`, `${peer} is not installed`);
  else test(`${peer}: ${name}`, body);
}

/** A service of three endpoints that say who they are, on one port and three addresses. */
async function withEndpoints(body: (endpoints: readonly TcpEndpoint[], port: number) => Promise<void>): Promise<void> {
  const first = await tcpEndpoint(echoNamed("1"), "127.0.0.1");
  const { port } = first.addr;
  const others = await Promise.all(["2", "3"].map((name) => tcpEndpoint(echoNamed(name), `127.0.0.${name}`, port)));
  const endpoints = [first, ...others];
  try {
    await body(endpoints, port);
  } finally {
    await Promise.all(endpoints.map((endpoint) => endpoint.close()));
  }
}

function webAt(port: number) {
  const ports = [{ name: "http", protocol: "TCP", port }] as const;
  const addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
  const model = buildModel(snapshotOf([node(), service(), slice({ ports, endpoints: addresses })]), "node-a");
  return { program: compileProgram("ipvs", model), plan: planNode(model, "ipvs") };
}

async function nameAt({ ip, port }: SocketAddr): Promise<string> {
  const { socket } = await tcpClient({ ip, port });
  const [name] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return String(name).trim();
}

const expected: Readonly<Record<PeerName, string>> = { nginx: "112233", haproxy: "112233", socat: "111111" };

for (const name of peerNames) {
  check(name, "connections reach the endpoints, in turn where it balances, and none are taken once it is closed", () =>
    withEndpoints(async (_, port) => {
      const dataplane = createPeerDataplane(name, ["default/web:http"], 1);
      test.after(() => dataplane.close());
      const { program, plan } = webAt(port);
      await dataplane.apply(program, plan);
      const { listeners } = dataplane.status();
      assert.equal(listeners.length, 1);
      const at = listeners[0]!.at!;
      const names: string[] = [];
      for (let index = 0; index < 6; index += 1) names.push(await nameAt(at));
      assert.equal(names.toSorted().join(""), expected[name]);
      await dataplane.close();
      assert.equal(isListening(TCP, at), false);
      await assert.rejects(nameAt(at));
    }),
  );
}

/** A folder before all others of PATH, with a command in it. */
function inFront(folder: string, command: string, script: string): void {
  writeFileSync(join(folder, command), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const before = process.env["PATH"];
  process.env["PATH"] = `${folder}:${before}`;
  test.after(() => {
    process.env["PATH"] = before;
    rmSync(folder, { recursive: true });
  });
}

check("socat", "one that a Ctrl-C reached as it began is started again, one that ends by itself is not", () =>
  withEndpoints(async (_, port) => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-interrupted-"));
    const began = join(folder, "began");
    const real = await execOk(["sh", "-c", "command -v socat"]);
    inFront(folder, "socat", `[ -e ${began} ] && exec ${real.trim()} "$@"; echo > ${began}; kill -INT $$`);
    const { program, plan } = webAt(port);
    const dataplane = createPeerDataplane("socat", ["default/web:http"], 1);
    test.after(() => dataplane.close());
    await dataplane.apply(program, plan);
    assert.equal(await nameAt(dataplane.status().listeners[0]!.at!), "1");
    await dataplane.close();

    writeFileSync(join(folder, "socat"), `#!/bin/sh\necho tired >> ${began}; echo tired >&2; exit 1\n`, {
      mode: 0o755,
    });
    const other = createPeerDataplane("socat", ["default/web:http"], 1);
    test.after(() => other.close());
    await assert.rejects(other.apply(program, plan), /socat: does not start: tired/);
    assert.equal(readFileSync(began, "utf8"), "\ntired\n");
  }),
);

check("nginx", "datagrams are answered", async () => {
  const backend = createSocket("udp4");
  backend.on("message", (message, { address, port }) => backend.send(message, port, address)).bind(0, "127.0.0.1");
  await once(backend, "listening");
  const ports = [{ name: "dns", protocol: "UDP", port: backend.address().port }] as const;
  const dns = service({ ports: [{ name: "dns", protocol: "UDP", port: 53 }] });
  const model = buildModel(snapshotOf([node(), dns, slice({ ports, endpoints: ["127.0.0.1"] })]), "node-a");
  const dataplane = createPeerDataplane("nginx", ["default/web:dns"], 1);
  test.after(() => dataplane.close());
  await dataplane.apply(compileProgram("ipvs", model), planNode(model, "ipvs"));
  const { ip, port } = dataplane.status().listeners[0]!.at!;
  assert.equal(isListening(UDP, { ip, port }), true);
  const client = createSocket("udp4");
  client.send("hello", port, formatIp(ip));
  const [answer] = (await once(client, "message")) as [Buffer];
  assert.equal(String(answer), "hello");
  client.close();
  await dataplane.close();
  backend.close();
});

test("a service without endpoints is an error", async () => {
  const model = buildModel(snapshotOf([node(), service()]), "node-a");
  const dataplane = createPeerDataplane("socat", ["default/web:http"], 1);
  await assert.rejects(
    dataplane.apply(compileProgram("ipvs", model), planNode(model, "ipvs")),
    (error) => isSluiceError(error, "DATAPLANE_FAILED") && /default\/web:http has no endpoint/.test(error.message),
  );
  await dataplane.close();
});

test("what is not installed is named; a work that a peer does not do is a mistake", async () => {
  const specs = peerNames.map((name) => ({ name, peer: name, version: "" }));
  const { PATH } = process.env;
  process.env["PATH"] = "/nowhere";
  try {
    const { subjects, unmeasured } = await findPeers(specs, ["tcp-bulk"]);
    assert.deepEqual(subjects, []);
    assert.deepEqual(
      unmeasured.map(({ subject, reason }) => `${subject}: ${reason}`),
      peerNames.map((name) => `${name}: ${name} is not installed`),
    );
  } finally {
    process.env["PATH"] = PATH;
  }
  await assert.rejects(
    findPeers([{ name: "haproxy", peer: "haproxy", version: "" }], ["tcp-bulk", "udp-request-response"]),
    (error) => isSluiceError(error, "CONFIG_INVALID") && /none over UDP with haproxy/.test(error.message),
  );
});
