import type { OpeningFailure } from "./socket-moves.ts";

/** So many are told in full: of ten thousand that fail, most fail for one reason. */
const TOLD = 3;

/** What became of sockets that could not be opened, as one line. @param failures not empty. */
export function describeFailures(failures: readonly OpeningFailure[]): string {
  const told = failures.slice(0, TOLD).map(({ socket, failure }) => `${socket.group}: ${failure}`);
  const more = failures.length - told.length;
  const head = failures.length === 1 ? "" : `${failures.length} sockets cannot be opened: `;
  const tail = more === 0 ? "" : `; and ${more} more`;
  return `${head}${told.join("; ")}${tail}${adviceOn(failures)}`;
}

function adviceOn(failures: readonly OpeningFailure[]): string {
  const starved = failures.some(({ failure }) => failure.includes("EMFILE"));
  return starved ? "; raise this process's limit of open files (ulimit -n)" : "";
}
