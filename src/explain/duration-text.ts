const units = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
] as const;

/** A time in the largest unit that it is whole in: 10800 seconds are `3 h`. @param seconds whole. */
export function durationText(seconds: number): string {
  const unit = units.find(([length]) => seconds >= length && seconds % length === 0);
  return unit === undefined ? `${seconds} s` : `${seconds / unit[0]} ${unit[1]}`;
}
