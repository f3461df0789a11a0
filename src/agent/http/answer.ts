/** What a server says to a request, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What is asked: the path without its query. */
export interface Question {
  readonly method: string;
  readonly path: string;
}

const NOSNIFF = { "X-Content-Type-Options": "nosniff" };

export function jsonAnswer(status: number, body: string): Answer {
  return { status, headers: { "Content-Type": "application/json", ...NOSNIFF }, body };
}

export function textAnswer(status: number, body: string): Answer {
  return { status, headers: { "Content-Type": "text/plain; charset=utf-8", ...NOSNIFF }, body };
}

/** What Go's server says where nothing is. */
export const notFound: Answer = Object.freeze(textAnswer(404, "404 page not found\n"));

/** For what only answers GET and HEAD. */
export const methodNotAllowed: Answer = Object.freeze({
  ...textAnswer(405, "only GET and HEAD\n"),
  headers: { ...textAnswer(405, "").headers, Allow: "GET, HEAD" },
});
