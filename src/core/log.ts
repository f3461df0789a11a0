/** Where a long-running part says what it does. Results never go here: they belong on stdout. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
}

/** A log that writes one line a message. @param write takes a whole line, with its line end. */
export function lineLog(write: (line: string) => void): Log {
  return {
    info: (message) => write(`${message}\n`),
    warn: (message) => write(`warning: ${message}\n`),
  };
}

/** A log that forgets everything. */
export const silentLog: Log = Object.freeze({ info() {}, warn() {} });
