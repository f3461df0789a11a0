/** Gathers the answer to one request and compares it. An answer is right when it is the request, byte for byte. */
export interface AnswerReader {
  /** Starts over. */
  reset(): void;
  /** @returns `more` while the answer is not whole; `wrong` as soon as it is known to be. */
  take(chunk: Buffer): "more" | "right" | "wrong";
}

/** @param request what was sent; its bytes at the time of `take` count. */
export function answerReader(request: Buffer): AnswerReader {
  let got = 0;
  return {
    reset() {
      got = 0;
    },
    take(chunk) {
      const end = got + chunk.length;
      if (end > request.length) return "wrong";
      if (request.compare(chunk, 0, chunk.length, got, end) !== 0) return "wrong";
      got = end;
      return got === request.length ? "right" : "more";
    },
  };
}
