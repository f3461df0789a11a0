import type { WriteStream } from "node:tty";
import { liveLines, type LiveState } from "../report/live.ts";

/** Lines on a terminal that show how far a run is; nothing where there is no terminal. */
export interface ProgressLine {
  readonly show: (state: LiveState) => void;
  /** Writes a line that stays, above those that move. */
  above(line: string): void;
  /** Takes the lines away. Safe to call twice. */
  close(): void;
}

/** A terminal that does not tell its size. */
const COLUMNS = 80;
const ROWS = 24;

export function openProgressLine(stream: Pick<WriteStream, "isTTY" | "write" | "columns" | "rows">): ProgressLine {
  let shown = 0;
  const clear = (): void => {
    if (shown === 0) return;
    // To the first of the lines, and away with all that follows.
    stream.write(`${shown > 1 ? `\u001b[${shown - 1}A` : ""}\r\u001b[J`);
    shown = 0;
  };
  return {
    show(state) {
      if (!stream.isTTY) return;
      const lines = liveLines(state, stream.columns ?? COLUMNS, stream.rows ?? ROWS);
      clear();
      stream.write(lines.join("\n"));
      shown = lines.length;
    },
    above(line) {
      clear();
      stream.write(line);
    },
    close: clear,
  };
}
