import { createMessage, HEADER_BYTES, STREAM, STREAM_BLOCK_BYTES, streamBlock } from "../message.ts";
import type { Lane, LaneRun } from "./lane.ts";
import { persistentLane } from "./persistent-lane.ts";

/**
 * More than all buffers between an endpoint and a client hold: a stream that brings more after its end was asked for
 * does not end.
 */
const MOST_TO_DRAIN_BYTES = 2 ** 26;

/** `tcp-bulk`: asks for a stream, and compares every byte of it until the window closes. */
export function bulkLane(run: LaneRun, number: number): Lane {
  const request = createMessage(STREAM, number, HEADER_BYTES);
  const block = streamBlock(number);
  // Twice, so that a chunk can be compared in one go wherever in the block it starts.
  const expected = Buffer.concat([block, block]);
  let place = 0;
  let begun = false;
  let ended = false;
  let drainedBytes = 0;

  return persistentLane(run, number, {
    start(connection) {
      place = 0;
      begun = false;
      drainedBytes = 0;
      ended = !run.isOpen();
      if (ended) connection.end();
      else connection.send(request);
    },
    closed() {},
    data(connection, chunk) {
      if (!continues(expected, place, chunk)) return connection.fail("wrong");
      if (!begun) run.answered(undefined);
      begun = true;
      place = (place + chunk.length) % STREAM_BLOCK_BYTES;
      run.completed(chunk.length);
      if (ended) drainedBytes += chunk.length;
      if (drainedBytes < MOST_TO_DRAIN_BYTES) connection.stillWaiting();
      if (ended || run.isOpen()) return;
      ended = true;
      connection.end();
    },
  });
}

/** Whether the chunk is what stands in the stream from this place on. */
function continues(expected: Buffer, place: number, chunk: Buffer): boolean {
  for (let at = 0; at < chunk.length;) {
    const start = (place + at) % STREAM_BLOCK_BYTES;
    const length = Math.min(chunk.length - at, expected.length - start);
    if (expected.compare(chunk, at, at + length, start, start + length) !== 0) return false;
    at += length;
  }
  return true;
}
