import { once } from "node:events";
import type { EventEmitter } from "node:events";

/** Has a socket listen. @throws the error that it emits instead. */
export async function listening(socket: EventEmitter, listen: () => void): Promise<void> {
  const ready = once(socket, "listening");
  listen();
  await ready;
}
