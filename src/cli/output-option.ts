import { oneOf } from "./choice-option.ts";

/** How a command prints what it found: for people, or the same document as JSON or as YAML. */
export type OutputForm = "table" | DocumentForm;
export type DocumentForm = "json" | "yaml";

/** `-o table|json|yaml`. */
export function outputOption(describe = "form") {
  const choice = oneOf("o", describe, ["table", "json", "yaml"]);
  return { alias: "output", ...choice, default: "table" as const };
}
