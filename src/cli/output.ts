import { stringify } from "yaml";
import type { DocumentForm } from "./output-option.ts";

/**
 * A document in the form that was asked for. As YAML each begins with `---`, so that several make one stream.
 *
 * @param json the text of one document, with a line end.
 */
export function inForm(form: DocumentForm, json: string): string {
  if (form === "json") return json;
  return `---\n${stringify(JSON.parse(json), { aliasDuplicateObjects: false, lineWidth: 0 })}`;
}
