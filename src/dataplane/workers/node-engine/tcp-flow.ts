import type { Socket } from "node:net";
import type { SocketAddr } from "../../../net/flow.ts";
import type { EngineParts } from "./parts.ts";
import type { ForwardingPolicy } from "../policy.ts";
import { peerAddr } from "./peer-addr.ts";
import { proxyHeader } from "./proxy-header.ts";
import { dial } from "./tcp-dial.ts";
import { joinSockets } from "./tcp-join.ts";
import { resetSocket } from "./tcp-reset.ts";

/** An accepted connection. */
export interface TcpFlow {
  /** Asks where it goes, and takes it there. @param settled it has reached its endpoint, or never will. */
  start(settled: () => void): void;
  /** Ends it now, with a RST to both sides. */
  reset(): void;
}

/** A client and how its connection is to be served. */
export interface AcceptedClient {
  /** Paused: not a byte is read before the endpoint has accepted. */
  readonly socket: Socket;
  readonly from: SocketAddr;
  readonly listener: number;
  /** Of a transparent listener. */
  readonly destination: SocketAddr | undefined;
  readonly policy: ForwardingPolicy;
}

/** @param over is called when both sides are closed. */
export function createTcpFlow(
  { socket: client, from, listener, destination, policy }: AcceptedClient,
  { turn, tally, slots }: EngineParts,
  over: () => void,
): TcpFlow {
  const slot = slots.take();
  let whenSettled = (): void => {};
  let abort = (): void => resetSocket(client);
  let aborted = false;

  const ended = (how: "closed" | "reset"): void => {
    turn.tell(slot, how);
    slots.giveBack(slot);
    over();
  };
  /** The endpoint was not reached. */
  const giveUp = (answer: "reset" | "close"): void => {
    if (answer === "reset") resetSocket(client);
    else client.destroy();
    ended("reset");
    whenSettled();
  };
  const ask = (attempt: number): void => {
    const flow = { slot, listener, client: from, attempt };
    turn.ask(destination === undefined ? flow : { ...flow, destination }, (route) => {
      if (aborted) return giveUp("reset");
      if (route.kind === "forward") return reach(route.to, attempt);
      tally.add(route.kind === "refuse" ? "rejected" : "dropped");
      return giveUp(route.kind === "refuse" ? policy.failure : "close");
    });
  };
  const reach = (to: SocketAddr, attempt: number): void => {
    const dialling = dial(to, policy.dialTimeoutsMs[attempt]!, (outcome) => {
      if (typeof outcome === "object") return join(outcome);
      if (aborted) return giveUp("reset");
      tally.add(outcome === "refused" ? "refused" : "acceptFailures");
      return attempt + 1 < policy.dialTimeoutsMs.length ? ask(attempt + 1) : giveUp(policy.failure);
    });
    abort = () => {
      resetSocket(client);
      dialling.destroy();
    };
  };
  const join = (endpoint: Socket): void => {
    client.off("error", ignoreError);
    const { keepaliveSeconds, proxyProtocol, tcpIdleMs } = policy;
    if (keepaliveSeconds > 0) endpoint.setKeepAlive(true, keepaliveSeconds * 1000);
    const to = destination ?? peerAddr(client.localAddress, client.localPort);
    if (proxyProtocol !== 0 && to !== undefined) endpoint.write(proxyHeader(proxyProtocol, from, to));
    const joined = joinSockets(client, endpoint, policy.closesBoth, {
      toEndpoint: (bytes) => tally.add("bytesToEndpoints", bytes),
      toClient: (bytes) => tally.add("bytesToClients", bytes),
      closing: () => turn.tell(slot, "closing"),
      ended(how) {
        if (how === "reset") tally.add("resets");
        ended(how);
      },
    });
    abort = () => joined.reset();
    if (tcpIdleMs > 0) client.setTimeout(tcpIdleMs, () => joined.reset());
    whenSettled();
  };

  client.on("error", ignoreError);
  return {
    start(settled) {
      whenSettled = settled;
      if (aborted) giveUp("reset");
      else ask(0);
    },
    reset() {
      aborted = true;
      abort();
    },
  };
}

/** What happens to a client before it is joined shows again when it is. */
function ignoreError(): void {}
