import { HEADER_BYTES } from "../message.ts";

/** The answer of a probed endpoint: the request, a message of HEADER_BYTES, and behind it the endpoint's number. */
export const ANSWER_BYTES = HEADER_BYTES + 4;

/** @param request one whole message. @param endpoint any 32-bit number. */
export function createAnswer(request: Buffer, endpoint: number): Buffer {
  const answer = Buffer.alloc(ANSWER_BYTES);
  request.copy(answer, 0, 0, HEADER_BYTES);
  answer.writeUInt32BE(endpoint, HEADER_BYTES);
  return answer;
}

/** @returns the endpoint's number; undefined when this is no answer to that request. */
export function readAnswer(request: Buffer, answer: Buffer): number | undefined {
  const isAnswer = answer.length === ANSWER_BYTES && request.compare(answer, 0, HEADER_BYTES) === 0;
  return isAnswer ? answer.readUInt32BE(HEADER_BYTES) : undefined;
}
