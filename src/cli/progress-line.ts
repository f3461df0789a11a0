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

/** To the end of the line, and to the end of the screen. */
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

export function openProgressLine(stream: Pick<WriteStream, "isTTY" | "write" | "columns" | "rows">): ProgressLine {
  let shown = 0;
  /** To the first of the lines. */
  const back = (): string => (shown > 1 ? `\u001b[${shown - 1}A\r` : shown === 1 ? "\r" : "");
  const clear = (): void => {
    if (shown === 0) return;
    stream.write(`${back()}${CLEAR_BELOW}`);
    shown = 0;
  };
  return {
    show(state) {
      if (!stream.isTTY) return;
      const lines = liveLines(state, stream.columns ?? COLUMNS, stream.rows ?? ROWS);
      // Written over in one piece: a screen that is empty in between flickers.
      stream.write(`${back()}${lines.map((line) => `${line}${CLEAR_LINE}`).join("\n")}${CLEAR_BELOW}`);
      shown = lines.length;
    },
    above(line) {
      clear();
      stream.write(line);
    },
    close: clear,
  };
}
