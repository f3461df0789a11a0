import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { systemClock } from "../../src/core/clock.ts";

export interface SlowLink {
  readonly port: number;
  close(): void;
}

const LOOPBACK = "127.0.0.1";

/**
 * Serves what is behind a port of loopback, at so many bytes a second towards the client of each connection: it is the
 * link that decides, whoever measures it.
 */
export async function slowLink(port: number, bytesPerSecond: number): Promise<SlowLink> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(port, LOOPBACK);
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        target.destroy();
      });
    }
    client.pipe(target);
    deliver(target, client, bytesPerSecond);
  }).listen(0, LOOPBACK);
  await once(server, "listening");
  return {
    port: (server.address() as { readonly port: number }).port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function deliver(from: Socket, to: Socket, bytesPerSecond: number): void {
  let sinceMs: number | undefined;
  let sent = 0;
  from.on("data", (chunk: Buffer) => {
    sinceMs ??= systemClock.nowMs();
    sent += chunk.length;
    to.write(chunk);
    const earlyMs = (sent / bytesPerSecond) * 1000 - (systemClock.nowMs() - sinceMs);
    if (earlyMs < 1) return;
    from.pause();
    setTimeout(() => from.resume(), earlyMs);
  });
  from.on("end", () => to.end());
}
