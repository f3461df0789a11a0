import { type AddressInfo, createServer, type Socket } from "node:net";
import { formatIp } from "../../../net/ip.ts";
import type { ListenerSpec } from "../engine.ts";
import type { EngineParts, OpenListener } from "./parts.ts";
import { listening } from "./listening.ts";
import { createOneAtATime } from "./one-at-a-time.ts";
import { type DestinationOf, originalDestinations } from "./original-destination.ts";
import { peerAddr } from "./peer-addr.ts";
import { SOCKET_BUFFER_BYTES } from "./tcp-dial.ts";
import { createTcpFlow, type TcpFlow } from "./tcp-flow.ts";

/** Accepts TCP connections, and knows those that are open. */
export interface TcpService {
  /** Rejects with the host's error when the address cannot be had. */
  listen(spec: ListenerSpec): Promise<OpenListener>;
  /** Resolves when no connection is open. */
  quiet(): Promise<void>;
  /** Resets every connection. @returns how many. */
  resetAll(): number;
}

/** @param backlog connections that the kernel completes in advance, at most net.core.somaxconn. */
export function createTcpService(parts: EngineParts, backlog: number): TcpService {
  const open = new Set<TcpFlow>();
  const turns = createOneAtATime();
  let whenQuiet: (() => void)[] = [];

  const over = (flow: TcpFlow): void => {
    open.delete(flow);
    parts.tally.add("active", -1);
    if (open.size > 0) return;
    for (const resolve of whenQuiet) resolve();
    whenQuiet = [];
  };
  const accept = (socket: Socket, { id, group }: ListenerSpec, destinationOf: DestinationOf): void => {
    parts.tally.add("accepted");
    const from = peerAddr(socket.remoteAddress, socket.remotePort);
    // Reset while it waited to be accepted: there is nobody to serve.
    if (from === undefined) return void socket.destroy();
    const policy = parts.policy();
    const client = { socket, from, listener: id, policy, destination: destinationOf(socket) };
    const flow: TcpFlow = createTcpFlow(client, parts, () => over(flow));
    open.add(flow);
    parts.tally.add("active");
    if (policy.oneAtATime) turns.queue(group, (done) => flow.start(done));
    else flow.start(() => {});
  };

  return {
    async listen(spec) {
      const destinationOf = spec.transparent === true ? originalDestinations() : nowhere;
      const server = createServer(
        { allowHalfOpen: true, pauseOnConnect: true, noDelay: true, highWaterMark: SOCKET_BUFFER_BYTES },
        (socket) => accept(socket, spec, destinationOf),
      );
      const { ip, port } = spec.at;
      const options = { host: formatIp(ip), port, backlog, ipv6Only: true, reusePort: spec.reusePort };
      await listening(server, () => server.listen(options));
      // Out of descriptors, say: the client was not accepted, and the next one may be.
      server.on("error", () => parts.tally.add("acceptFailures"));
      return { bound: server.address() as AddressInfo, close: () => void server.close() };
    },
    quiet: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => whenQuiet.push(resolve))),
    resetAll() {
      const flows = [...open];
      for (const flow of flows) flow.reset();
      return flows.length;
    },
  };
}

/** Of a listener that nothing is redirected to. */
function nowhere(): undefined {}
