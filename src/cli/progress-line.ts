import type { WriteStream } from "node:tty";
import type { Progress } from "../lab/options.ts";

/** One line on a terminal that shows how far a run is; nothing where there is no terminal. */
export interface ProgressLine {
  readonly show: (progress: Progress) => void;
  /** Writes a line that stays, above the one that moves. */
  above(line: string): void;
  /** Takes the line away. Safe to call twice. */
  close(): void;
}

const CLEAR_LINE = "\r\u001b[K";
const BAR_WIDTH = 30;

export function openProgressLine(stream: Pick<WriteStream, "isTTY" | "write">): ProgressLine {
  let shown = false;
  const clear = (): void => {
    if (shown) stream.write(CLEAR_LINE);
    shown = false;
  };
  return {
    show({ done, total, secondsLeft }) {
      if (!stream.isTTY) return;
      const filled = Math.round((BAR_WIDTH * done) / total);
      const bar = "█".repeat(filled).padEnd(BAR_WIDTH, "░");
      stream.write(`${CLEAR_LINE}${bar} ${done}/${total} slices, ${secondsLeft} s left`);
      shown = true;
    },
    above(line) {
      clear();
      stream.write(line);
    },
    close: clear,
  };
}
