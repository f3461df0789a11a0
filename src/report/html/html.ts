/** Text that is HTML already. */
export interface Html {
  readonly html: string;
}

type Part = Html | string | number | undefined | readonly Part[];

/** Builds HTML: what is put in is escaped, unless it is HTML already. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const texts = strings.map((text, at) => (at === 0 ? text : partText(parts[at - 1]) + text));
  return { html: texts.join("") };
}

function partText(part: Part): string {
  if (part === undefined) return "";
  if (Array.isArray(part)) return part.map(partText).join("");
  return typeof part === "object" && "html" in part ? part.html : escapeHtml(String(part));
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => escapes[character]!);
}
