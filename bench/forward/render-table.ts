import type { Interval } from "../../src/measure/intervals.ts";

export function interval({ estimate, low, high }: Interval): string {
  if (estimate === undefined) return "";
  return low === undefined ? amount(estimate) : `${amount(estimate)} (${amount(low)} … ${amount(high)})`;
}

export function amount(value: number | undefined): string {
  return value === undefined ? "" : value.toPrecision(3);
}

export function table(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((cells) => cells[column]!.length)));
  const text = lines.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
  return text.join("\n");
}
