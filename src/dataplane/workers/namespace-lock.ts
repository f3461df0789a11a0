import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { workersFailed } from "./workers-failed.ts";

/** One process of a network namespace at a time has it. */
export interface NamespaceLock {
  /** Nothing happens where we have it already. @throws {SluiceError} DATAPLANE_FAILED when somebody else has it. */
  take(): Promise<void>;
  release(): Promise<void>;
}

/**
 * A lock that is a socket with an abstract name: such a name belongs to the network namespace, as addresses do, and the
 * kernel gives it back when its process dies, however it dies. Linux only.
 *
 * @param name of the lock.
 * @param taken what is the matter when somebody else has it, without a subject.
 */
export function createNamespaceLock(name: string, taken: string): NamespaceLock {
  let held: Server | undefined;
  return {
    async take() {
      if (held !== undefined) return;
      const server = createServer((socket) => socket.destroy()).unref();
      try {
        server.listen(`\0${name}`);
        await once(server, "listening");
      } catch (error) {
        throw workersFailed((error as NodeJS.ErrnoException).code === "EADDRINUSE" ? taken : String(error), error);
      }
      held = server;
    },
    async release() {
      const server = held;
      held = undefined;
      if (server !== undefined) await new Promise((resolve) => server.close(resolve));
    },
  };
}
