/** Nanoseconds a unit. Both letters that look like a micro sign are in use. */
const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  "\u00b5s": 1000n,
  "\u03bcs": 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const LONGEST = 2n ** 63n - 1n;

/** A duration of Go that is not negative: `1m30s`, `0.5h`, `0`. */
export const GO_DURATION = /^\+?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$/;

/**
 * Reads a duration as Go's `time.ParseDuration` does, but none that is negative.
 *
 * @returns nanoseconds; undefined when the text is no duration, or one of over 292 years.
 */
export function parseGoDuration(text: string): bigint | undefined {
  if (!GO_DURATION.test(text)) return undefined;
  let ns = 0n;
  for (const [, whole = "", fraction = "", unit] of text.matchAll(/(\d*)(?:\.(\d*))?([a-z\u00b5\u03bc]+)/g)) {
    const unitNs = units[unit!]!;
    ns += BigInt(whole || "0") * unitNs + (BigInt(fraction || "0") * unitNs) / 10n ** BigInt(fraction.length);
  }
  return ns <= LONGEST ? ns : undefined;
}

/** Writes a duration as Go does: `1h0m0s`, `1.5s`, `250ms`, `0s`. @param ns 0 or more. */
export function formatGoDuration(ns: bigint): string {
  const second = units["s"]!;
  if (ns < second) {
    const unit = ns === 0n ? "s" : ns < 1000n ? "ns" : ns < 1_000_000n ? "\u00b5s" : "ms";
    return `${decimal(ns, units[unit]!)}${unit}`;
  }
  const minutes = ns / units["m"]!;
  const seconds = `${decimal(ns % units["m"]!, second)}s`;
  if (minutes === 0n) return seconds;
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

function decimal(ns: bigint, unitNs: bigint): string {
  const fraction = String(ns % unitNs)
    .padStart(String(unitNs).length - 1, "0")
    .replace(/0+$/, "");
  return `${ns / unitNs}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Whole seconds of a duration that has been checked; what is over is dropped, as in Go. */
export function durationSeconds(text: string): number {
  return Math.floor(durationMs(text) / 1000);
}

/** A duration that has been checked, in milliseconds. */
export function durationMs(text: string): number {
  return Number(parseGoDuration(text)!) / 1e6;
}
