/** Texts that YAML readers, of 1.1 too, cannot take for anything else: names, IPv4 addresses, IPv4 ranges. */
const PLAIN = /^(?:[A-Za-z][\w./-]*|\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2})?)$/;
const RESERVED = /^(?:null|true|false|yes|no|on|off|y|n)$/i;

/**
 * Writes maps, lists, strings, numbers, booleans and null as YAML, in the block style of kubectl, without a line end.
 * Fields that are undefined are left out.
 */
export function renderYaml(value: unknown): string {
  return blockOf(value).join("\n");
}

/** The lines of a value, to be indented by whoever holds it; one line where it needs no block. */
function blockOf(value: unknown): string[] {
  if (Array.isArray(value) && value.length > 0) return value.flatMap(itemLines);
  if (isBlockMap(value))
    return Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .flatMap(fieldLines);
  return [scalarText(value)];
}

function itemLines(item: unknown): string[] {
  // A list in a list stays on one line: JSON is YAML.
  const lines = Array.isArray(item) ? [JSON.stringify(item)] : blockOf(item);
  return lines.map((line, i) => `${i === 0 ? "- " : "  "}${line}`);
}

function fieldLines([key, value]: [string, unknown]): string[] {
  const lines = blockOf(value);
  if (Array.isArray(value) && value.length > 0) return [`${textOf(key)}:`, ...lines];
  if (isBlockMap(value)) return [`${textOf(key)}:`, ...lines.map((line) => `  ${line}`)];
  return [`${textOf(key)}: ${lines[0]}`];
}

function isBlockMap(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).some((field) => field !== undefined);
}

function scalarText(value: unknown): string {
  if (typeof value === "string") return textOf(value);
  return typeof value === "object" && value !== null ? (Array.isArray(value) ? "[]" : "{}") : String(value);
}

function textOf(text: string): string {
  return PLAIN.test(text) && !RESERVED.test(text) ? text : JSON.stringify(text);
}
