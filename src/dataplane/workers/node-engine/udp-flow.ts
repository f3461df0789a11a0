import type { Socket } from "node:dgram";
import type { SocketAddr } from "../../../net/flow.ts";
import { familyOf, formatIp } from "../../../net/ip.ts";
import type { Route } from "../engine.ts";
import type { EngineParts } from "./parts.ts";
import { createExpiryEntry, type ExpiryQueues } from "./expiry-queue.ts";
import type { ForwardingPolicy } from "../policy.ts";
import { createEndpointSocket } from "./udp-socket.ts";

/** Datagrams of one flow that wait for its endpoint's socket. */
const WAITING_DATAGRAMS = 64;
/** Bytes that wait in one socket for the kernel to take them. */
const SEND_QUEUE_BYTES = 1_048_576;

/** What a client at one address and port exchanges with the endpoint that its first datagram was given. */
export interface UdpFlow {
  readonly slot: number;
  fromClient(datagram: Buffer): void;
  /** Forgets it: the client's next datagram is a new flow. */
  end(): void;
}

/** A client and how its flow is to be served. */
export interface UdpClient {
  readonly from: SocketAddr;
  readonly listener: number;
  readonly policy: ForwardingPolicy;
  /** Sends to the client, from the address that it knows. */
  reply(datagram: Buffer): void;
}

/** @param over is called at the end, whatever ended it. */
export function createUdpFlow(
  { from, listener, policy, reply }: UdpClient,
  { turn, tally, slots }: EngineParts,
  expiry: ExpiryQueues,
  over: () => void,
): UdpFlow {
  const slot = slots.take();
  const idle = expiry.of(policy.udpIdleMs);
  const stream = expiry.of(policy.udpStreamMs);
  const entry = createExpiryEntry(() => end());
  const waiting: Buffer[] = [];
  let send = (datagram: Buffer): void => {
    if (waiting.length < WAITING_DATAGRAMS) waiting.push(datagram);
    else lost();
  };
  let closeSocket = (): void => {};
  let asking = true;
  let ended = false;
  let answered = false;
  let queue = idle;

  const lost = (): void => tally.add("datagramsLost");
  const cut = (datagram: Buffer): Buffer => {
    if (datagram.length <= policy.datagramBytes) return datagram;
    tally.add("datagramsCut");
    return datagram.subarray(0, policy.datagramBytes);
  };
  const giveBack = (): void => {
    turn.tell(slot, "expired");
    slots.giveBack(slot);
  };
  const end = (): void => {
    if (ended) return;
    ended = true;
    tally.add("datagramsLost", waiting.splice(0).length);
    entry.queue?.remove(entry);
    closeSocket();
    over();
    // While the question is open, its answer would be booked on whoever has the slot by then.
    if (!asking) giveBack();
  };
  const routed = (route: Route): void => {
    asking = false;
    if (ended) return giveBack();
    if (route.kind === "forward") return connect(route.to);
    tally.add(route.kind === "refuse" ? "rejected" : "dropped", waiting.splice(0).length);
    end();
  };
  const connect = (to: SocketAddr): void => {
    const socket = createEndpointSocket(familyOf(to.ip));
    const failed = (): void => {
      if (ended) return;
      tally.add("refused");
      end();
    };
    closeSocket = () => {
      tally.add("udpActive", -1);
      socket.close();
    };
    tally.add("udpFlows");
    tally.add("udpActive");
    socket.on("error", failed);
    socket.on("message", fromEndpoint);
    socket.once("connect", () => {
      if (ended) return;
      send = sendBy(socket, failed);
      for (const datagram of waiting.splice(0)) send(datagram);
    });
    socket.connect(to.port, formatIp(to.ip));
  };
  const sendBy =
    (socket: Socket, failed: () => void) =>
    (datagram: Buffer): void => {
      if (socket.getSendQueueSize() > SEND_QUEUE_BYTES) return lost();
      socket.send(datagram, (error) => {
        if (error === null) return tally.add("datagramsToEndpoints");
        lost();
        if (!isAboutDatagram(error)) failed();
      });
    };
  const fromEndpoint = (datagram: Buffer): void => {
    answered = true;
    queue.touch(entry);
    reply(cut(datagram));
  };

  turn.ask({ slot, listener, client: from, attempt: 0 }, routed);
  return {
    slot,
    fromClient(datagram) {
      if (answered) queue = stream;
      queue.touch(entry);
      send(cut(datagram));
    },
    end,
  };
}

/** The datagram could not be sent, and the next one may be. */
function isAboutDatagram({ code }: NodeJS.ErrnoException): boolean {
  return code === "EMSGSIZE" || code === "ENOBUFS" || code === "EAGAIN" || code === "EPERM";
}
