const units = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
] as const;

/** A time in seconds as nft prints it: `1d2h`, `5m`. */
export function formatDuration(seconds: number): string {
  let left = seconds;
  let text = "";
  for (const [unit, length] of units) {
    const count = Math.floor(left / length);
    left -= count * length;
    if (count > 0) text += `${count}${unit}`;
  }
  return text === "" ? "0s" : text;
}
