import type { Estimate, Quantity } from "../measure/result.ts";

/** Stands where there is no figure. */
export const NONE = "–";
/** Stands where a figure takes more blocks than there are. */
export const NOT_ENOUGH = "not enough blocks";

/** A number with at least `digits` significant digits and no exponent; thousands are set apart by commas. */
export function formatNumber(value: number, digits = 3): string {
  if (value === 0) return "0";
  // Rounded first: 9.996 has as many places as 10.0.
  const rounded = Number(value.toPrecision(digits));
  const places = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(rounded))));
  return value.toLocaleString("en-GB", { minimumFractionDigits: places, maximumFractionDigits: places });
}

/** A rate without its unit: operations a second, or megabytes (10⁶ bytes) a second. */
export function formatRate({ value, unit }: Quantity): string {
  if (value === null) return NONE;
  return formatNumber(unit === "B/s" ? value / 1e6 : value);
}

/** A number at an axis: thousands as `5k`, millions as `5M`. */
export function formatTick(value: number): string {
  const [divisor, letter] = value >= 1e6 ? [1e6, "M"] : value >= 1000 ? [1000, "k"] : [1, ""];
  return `${(value / divisor).toLocaleString("en-GB", { maximumSignificantDigits: 5 })}${letter}`;
}

/** How far an interval reaches to both sides, as the larger of the two parts of the estimate: `±2.1 %`. */
export function formatReach({ value, interval }: Estimate): string {
  if (value === null || value === 0 || interval === null) return NONE;
  const [low, high] = interval;
  return `±${formatNumber((Math.max(high - value, value - low) / value) * 100, 2)} %`;
}

/** `0.412 [0.398, 0.427]`: three digits of the estimate, and as many places in its interval. */
export function formatRatio(ratio: Estimate | null): string {
  if (ratio === null || ratio.value === null) return NONE;
  const { value, interval } = ratio;
  if (interval === null) return value.toFixed(3);
  const [low, high] = interval;
  return `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
}

/** Microseconds below 1 ms, milliseconds from there on. */
export function formatLatency({ value }: Quantity): string {
  if (value === null) return NONE;
  return value < 1000 ? `${formatNumber(value)} µs` : `${formatNumber(value / 1000)} ms`;
}

/** A share in percent with one place, or why there is none. */
export function formatShareError(shareError: Quantity): string {
  return lacksBlocks(shareError) ? NOT_ENOUGH : formatShare(shareError.value);
}

export function lacksBlocks(figure: Quantity | Estimate): boolean {
  return "reason" in figure && figure.reason === "too-few-blocks";
}

/** A share in percent with one place. */
export function formatShare(share: number | null): string {
  return share === null ? NONE : `${(share * 100).toFixed(1)} %`;
}

export function formatChance({ value }: Quantity): string {
  if (value === null) return NONE;
  return value < 0.0001 ? "< 0.0001" : value.toFixed(value < 0.01 ? 4 : 2);
}
