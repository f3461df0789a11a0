/** Clients that talk to an echo and compare every byte. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { type Client, tcpClient } from "./peers.ts";

/** All that is ever sent is a piece of this. */
const source = randomBytes(32_000_000);
let pieces = 0;

export interface Conversation {
  readonly client: Client;
  readonly sent: Buffer;
  /** How many bytes are back so far. */
  back(): number;
  /** Resolves at the end; fails unless all bytes that were sent are back as they were, and the end was a FIN. */
  intact(): Promise<void>;
  /** Resolves at the end, whatever it was: @returns how it ended. Fails when a byte that is back was altered. */
  unaltered(): Promise<string>;
}

/** Sends random bytes, others in each, and ends its own direction; reads all that comes back. @param bytes at most 16 MB. */
export async function converse(to: SocketAddr, bytes: number): Promise<Conversation> {
  const client = await tcpClient(to);
  const from = (pieces++ * 4099) % 16_000_000;
  const sent = source.subarray(from, from + bytes);
  client.socket.end(sent);
  return {
    client,
    sent,
    back: () => client.socket.bytesRead,
    async intact() {
      const received = await client.received;
      const how = await client.ended;
      assert.ok(received.equals(sent), `${received.length} of ${bytes} bytes are back, the end was ${how}`);
      assert.equal(how, "end");
    },
    async unaltered() {
      const received = await client.received;
      assert.ok(received.equals(sent.subarray(0, received.length)), "bytes were altered");
      return client.ended;
    },
  };
}
