/**
 * What the load generator and the echo backends say to each other. Every message starts with 16 bytes, big-endian:
 * length of the whole message, kind, lane, sequence number. The backend sends a message back as it is; so an answer that
 * is not byte for byte the request is a wrong one, and one that belongs to another lane or request shows it.
 */
export const HEADER_BYTES = 16;
/** The largest message: one that fits into a UDP datagram with room to spare. */
export const MAX_MESSAGE_BYTES = 60_000;

/** Send this message back. */
export const ECHO = 1;
/** Stream the block of this message until the client closes. */
export const STREAM = 2;
export type MessageKind = typeof ECHO | typeof STREAM;

/**
 * Makes a message with sequence number 0; `numberMessage` writes the next.
 *
 * @param lane any 32-bit number that no other open connection uses.
 * @param bytes HEADER_BYTES…MAX_MESSAGE_BYTES.
 */
export function createMessage(kind: MessageKind, lane: number, bytes: number): Buffer {
  const message = Buffer.alloc(bytes, "sluice ");
  message.writeUInt32BE(bytes, 0);
  message.writeUInt32BE(kind, 4);
  message.writeUInt32BE(lane >>> 0, 8);
  message.writeUInt32BE(0, 12);
  return message;
}

export function numberMessage(message: Buffer, sequence: number): void {
  message.writeUInt32BE(sequence >>> 0, 12);
}

export interface Header {
  readonly bytes: number;
  readonly kind: MessageKind;
  readonly lane: number;
  readonly sequence: number;
}

/** @returns undefined when this is no message of ours. @param message at least HEADER_BYTES long. */
export function readHeader(message: Buffer): Header | undefined {
  const bytes = message.readUInt32BE(0);
  const kind = message.readUInt32BE(4);
  if (bytes < HEADER_BYTES || bytes > MAX_MESSAGE_BYTES || (kind !== ECHO && kind !== STREAM)) return undefined;
  return { bytes, kind, lane: message.readUInt32BE(8), sequence: message.readUInt32BE(12) };
}

export const STREAM_BLOCK_BYTES = 65_536;

/** The block that a streaming backend sends again and again: no two places of it, and of two lanes, are alike. */
export function streamBlock(lane: number): Buffer {
  const block = Buffer.allocUnsafe(STREAM_BLOCK_BYTES);
  for (let at = 0; at < block.length; at += 8) {
    block.writeUInt32BE(lane >>> 0, at);
    block.writeUInt32BE(at, at + 4);
  }
  return block;
}
