/** Commands that show something and change nothing. */
const SHOWS =
  String.raw`(?:ip6?tables(?:-legacy|-nft)?-save|ip6?tables(?:-legacy|-nft)?\s(?:.*\s)?(?:-\w*[SL]\w*|--list\S*)|` +
  String.raw`ipset\s+(?:save|list)|ipvsadm\s+(?:-\w*[LlSn]|--list|--save)|conntrack\s+(?:-L|--dump)|nft\s(?:.*\s)?list|` +
  String.raw`ip\s(?:-\S+\s+)*(?:a|addr|address|r|ro|route)\b)(?:\s.*)?`;
const WRAPPERS = "cat|kubectl|oc|docker|podman|nerdctl|crictl|nsenter|chroot|minikube|ssh|watch|echo|exit|clear";
/** What a shell shows before a command: `#`, `$`, `root@node-a:~# `, `[root@node-a ~]# `, `node-a:/# `. */
const COMMAND = new RegExp(
  String.raw`^(?:\[[^\]"=]{1,80}\]|[^\s"=*:\[-][^"=]{0,80}?)?\s*[#$%>]\s*(?:sudo\s+(?:-\S+\s+)*)?(?:/\S*/)?` +
    String.raw`(${SHOWS}|(?:${WRAPPERS})(?:\s.*)?)$`,
);
/** The same where the prompt was not copied. */
const BARE_COMMAND = new RegExp(`^(?:sudo\\s+)?(${SHOWS})$`);
const PROMPT = /^(?:\[[\w.-]+@[^\]"=]{1,80}\]|[\w.-]+@[^"=]{1,80}?|\/ )\s*[#$%]\s*$/;
const OTHERS = /^(?:```|~~~|\[sudo\] |<\/?(?:pre|code|details|summary)\b)/;
const LEFT_OUT =
  /^[[(<]?\s*(?:\.{3,}|…|(?:-{2,}\s*)?(?:output )?(?:snip|snipped|truncated|omitted|trimmed|cut)\b.*)\s*[\])>]?$/i;

/** What a line of a paste is, that is none of the dump's. */
export type Surrounding =
  | { readonly kind: "command"; readonly command: string }
  | { readonly kind: "nothing" }
  | { readonly kind: "left-out"; readonly text: string };

/** A fence, a prompt, or a word that lines were left out. @returns undefined for a line of the dump itself. */
export function surroundingOf(line: string): Surrounding | undefined {
  // Most lines of most dumps are rules.
  if (/^\s*(?:-A |:)/.test(line)) return undefined;
  const bare = line.trim().replaceAll(/^`(?!`)|(?<!`)`:?$/g, "");
  const command = (COMMAND.exec(bare) ?? BARE_COMMAND.exec(bare))?.[1];
  if (command !== undefined) return { kind: "command", command };
  if (OTHERS.test(bare) || PROMPT.test(bare)) return { kind: "nothing" };
  return LEFT_OUT.test(bare) ? { kind: "left-out", text: bare } : undefined;
}

const ESCAPE = "\u001B";
/** What a terminal takes for a change of colour. */
const COLOUR = new RegExp(ESCAPE + String.raw`\[[\d;]*[A-Za-z]`, "g");

/** Blanks as pages and word processors have them, those of no width, quotes that are curved, entities of HTML, colours. */
const FOREIGN = /[\u00A0\u2000-\u200A\u202F\u200B\u2060\u201C\u201D]|&(?:quot|#34|nbsp);/;
const replacements: readonly (readonly [RegExp, string])[] = [
  [COLOUR, ""],
  [/[\u200B\u2060]/g, ""],
  [/[\u00A0\u2000-\u200A\u202F]|&nbsp;/g, " "],
  [/[\u201C\u201D]|&(?:quot|#34);/g, '"'],
  [/&gt;/g, ">"],
  [/&lt;/g, "<"],
  [/&amp;/g, "&"],
];

/** The same text in the characters that the tools print. */
export function plainCharacters(text: string): string {
  if (!FOREIGN.test(text) && !text.includes(ESCAPE)) return text;
  return replacements.reduce((changed, [pattern, plain]) => changed.replaceAll(pattern, plain), text);
}

/** A paste without what stands around the dump; every line keeps its number. */
export function bareDump(text: string): { readonly text: string; readonly leftOut: readonly number[] } {
  const leftOut: number[] = [];
  const lines = plainCharacters(text)
    .split("\n")
    .map((whole, index) => {
      const line = whole.replace(/^(?:>\s?)+/, "");
      const surrounding = surroundingOf(line);
      if (surrounding?.kind === "left-out") leftOut.push(index + 1);
      return surrounding === undefined ? line : "";
    });
  return { text: lines.join("\n"), leftOut };
}
