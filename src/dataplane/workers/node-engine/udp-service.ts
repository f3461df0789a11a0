import type { RemoteInfo } from "node:dgram";
import { formatIp } from "../../../net/ip.ts";
import type { ListenerSpec } from "../engine.ts";
import type { EngineParts, OpenListener } from "./parts.ts";
import { createExpiryQueues } from "./expiry-queue.ts";
import { listening } from "./listening.ts";
import { peerAddr } from "./peer-addr.ts";
import { createUdpFlow, type UdpFlow } from "./udp-flow.ts";
import { createListenerSocket } from "./udp-socket.ts";

/** Receives UDP datagrams, and knows the flows that they belong to. */
export interface UdpService {
  /** Rejects with the host's error when the address cannot be had. */
  listen(spec: ListenerSpec): Promise<OpenListener>;
  /** Ends the flow in this slot, if there is one. */
  end(slot: number): void;
  stop(): void;
}

/** @param maxFlows when there would be more, the one used longest ago goes. */
export function createUdpService(parts: EngineParts, maxFlows: number): UdpService {
  const { tally } = parts;
  const expiry = createExpiryQueues(parts.clock);
  const bySlot = new Map<number, UdpFlow>();

  const makeRoom = (): void => {
    if (bySlot.size < maxFlows) return;
    expiry.oldest()!.expire();
    tally.add("udpEvicted");
  };

  return {
    async listen(spec) {
      const socket = createListenerSocket(spec);
      try {
        await listening(socket, () => socket.bind(spec.at.port, formatIp(spec.at.ip)));
      } catch (error) {
        socket.close();
        throw error;
      }
      const flows = new Map<string, UdpFlow>();
      const open = (key: string, { address, port }: RemoteInfo): UdpFlow => {
        makeRoom();
        const client = {
          from: peerAddr(address, port)!,
          listener: spec.id,
          policy: parts.policy(),
          reply: (datagram: Buffer) =>
            socket.send(datagram, port, address, (error) =>
              tally.add(error === null ? "datagramsToClients" : "datagramsLost"),
            ),
        };
        const flow: UdpFlow = createUdpFlow(client, parts, expiry, () => {
          flows.delete(key);
          bySlot.delete(flow.slot);
        });
        flows.set(key, flow);
        bySlot.set(flow.slot, flow);
        return flow;
      };
      socket.on("message", (datagram, remote) => {
        const key = `${remote.address} ${remote.port}`;
        (flows.get(key) ?? open(key, remote)).fromClient(datagram);
      });
      // What a reply met at the client is told to nobody: the client is gone.
      socket.on("error", () => tally.add("datagramsLost"));
      return {
        bound: socket.address(),
        close() {
          for (const flow of flows.values()) flow.end();
          socket.close();
        },
      };
    },
    end: (slot) => bySlot.get(slot)?.end(),
    stop: () => expiry.stop(),
  };
}
