/**
 * What clients met behind kube-proxy 1.25 in userspace mode, against real workers: real endpoints on loopback stand for
 * the recording's pods, and loopback addresses for its clients.
 */
import assert from "node:assert/strict";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { type Flow, formatSocketAddr, type SocketAddr, UDP } from "../../../src/net/flow.ts";
import { formatIp, type Ip, sameIp } from "../../../src/net/ip.ts";
import { sample } from "../../support/seed.ts";
import { userspaceRecordings } from "../../support/userspace-recording.ts";
import { type Answer, type Carrier, replay } from "../../support/userspace-replay.ts";
import { deadAddr, tcpClient, type TcpEndpoint, tcpEndpoint, type UdpPeer, udpPeer } from "./peers.ts";
import { forEachEngine, type Running } from "./running.ts";

forEachEngine("workers: recorded userspace behaviour", (test, running) => {
  /** What is not replayed here, and why; the emulated node's decisions are held to all of it. */
  const left: Readonly<Record<string, string>> = {
    "15-seq-service": "an address that nobody serves refuses on loopback, where the recording's gateway was silent",
    "19-affinity-service-before-endpoints": "it waits for 6 s",
    "20-affinity-timeout-changed": "it waits for 5 s",
  };

  interface Pod {
    readonly addr: SocketAddr;
    close(): Promise<void>;
  }

  /** Answers with its name, TCP and UDP at one port, as the recorder's pods do. */
  async function openPod(name: string): Promise<Pod> {
    for (let tries = 0; tries < 20; tries += 1) {
      const tcp = await tcpEndpoint((socket) => socket.end(name));
      const udp = await boundTo(tcp);
      if (udp === undefined) {
        await tcp.close();
        continue;
      }
      udp.on("message", (_, { port, address }) => udp.send(name, port, address));
      return {
        addr: tcp.addr,
        async close() {
          udp.close();
          await tcp.close();
        },
      };
    }
    throw new Error("no port is free for both protocols");
  }

  /** @returns undefined when somebody has the port. */
  async function boundTo({ addr }: TcpEndpoint): Promise<UdpSocket | undefined> {
    const socket = createSocket("udp4");
    socket.bind(addr.port, formatIp(addr.ip));
    try {
      await once(socket, "listening");
      return socket;
    } catch {
      socket.close();
      return undefined;
    }
  }

  /** A loopback address for each client of the recording, so that affinity tells them apart. */
  function sourceOf(ip: Ip): string {
    return `127.77.${((ip as number) >>> 8) & 255}.${(ip as number) & 255}`;
  }

  class Workers implements Carrier {
    readonly #dataplane: Running;
    /** Open to the end: a port that came twice would be the same flow. */
    readonly #sockets: UdpPeer[] = [];

    constructor(dataplane: Running) {
      this.#dataplane = dataplane;
    }

    apply(...applied: Parameters<Carrier["apply"]>): Promise<void> {
      return this.#dataplane.apply(...applied);
    }

    async connect(flow: Flow, again: boolean): Promise<Answer> {
      if (flow.proto === UDP) return this.#datagram(flow, again);
      const { socket, received } = await tcpClient(this.#listenerOf(flow), sourceOf(flow.src));
      const answer = (await received).toString();
      socket.destroy();
      return answer === "" ? "closed-without-data" : answer;
    }

    sleep(ms: number): Promise<void> {
      return new Promise((resolve) => setTimeout(resolve, ms));
    }

    close(): void {
      for (const socket of this.#sockets) socket.close();
    }

    async #datagram(flow: Flow, again: boolean): Promise<Answer> {
      if (!again) this.#sockets.push(await udpPeer(sourceOf(flow.src)));
      const peer = this.#sockets.at(-1)!;
      const before = peer.received.length;
      peer.send("x", this.#listenerOf(flow));
      await peer.count(before + 1);
      return peer.received.at(-1)!.text;
    }

    /** Where the virtual address is served: a node port stands with all addresses of the node. */
    #listenerOf({ proto, dst, dstPort }: Flow): SocketAddr {
      const { listeners } = this.#dataplane.status();
      const served = listeners.filter(({ frontend }) => frontend.proto === proto && frontend.addr.port === dstPort);
      const listener = served.find(
        ({ frontend: { kind, addr } }) => sameIp(addr.ip, dst) || (kind === "node-port" && addr.ip === 0),
      );
      assert.ok(listener?.at, `nobody listens for ${formatIp(dst)}:${dstPort}`);
      return listener.at;
    }
  }

  const carried = userspaceRecordings().filter(({ name }) => left[name] === undefined);
  const recordings = sample(carried, 4);
  let compared = 0;

  for (const recording of recordings) {
    test(`${recording.name}: workers answer in the recorded order`, async () => {
      const pods = await Promise.all(["pod-a", "pod-b", "pod-c"].map(openPod));
      const real = [...pods.map(({ addr }) => addr), deadAddr(), deadAddr()];
      const recorded = ["10.244.1.10", "10.244.1.11", "10.244.2.10", "10.244.2.11", "10.244.2.12"];
      const mapEndpoint = recorded.map((from, at) => ({ from, to: formatSocketAddr(real[at]!) }));
      // The recording's datagrams are 50 ms apart: on a busy host that may be longer than the mode's own 250 ms.
      await running({ mapEndpoint, udpIdleMs: 3_600_000 }, async (dataplane) => {
        const carrier = new Workers(dataplane);
        try {
          compared += await replay(recording, carrier);
        } finally {
          carrier.close();
        }
      });
      for (const pod of pods) await pod.close();
    });
  }

  test("every check of these recordings was compared", () => {
    const checks = recordings
      .flatMap(({ stages }) => stages.flatMap(({ acts }) => acts))
      .filter((act) => "check" in act);
    console.log(`${compared} checks of ${recordings.length} recordings by real connections`);
    assert.equal(compared, checks.length);
    assert.equal(carried.length, userspaceRecordings().length - Object.keys(left).length);
  });
});
