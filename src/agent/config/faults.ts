import type { z } from "zod";
import { formatPath, WrongField } from "../../cluster/read/fields.ts";
import { type Key, type TextDocument, TextFault } from "../../cluster/text/document.ts";
import { defaults } from "./complete.ts";
import { nearest } from "./nearest.ts";
import { API_VERSION } from "./schema.ts";

/** The first thing in the text that the schema objects to. @param issues at least one. */
export function firstFault(issues: readonly z.core.$ZodIssue[], document: TextDocument): TextFault {
  const faults = issues.flatMap((issue) => faultsOf(issue, document));
  return faults.toSorted((a, b) => a.rank - b.rank || a.fault.offset - b.fault.offset)[0]!.fault;
}

interface RankedFault {
  /** A file of another kind has unknown fields too: that it is of another kind comes first. */
  readonly rank: number;
  readonly fault: TextFault;
}

function faultsOf(issue: z.core.$ZodIssue, document: TextDocument): readonly RankedFault[] {
  const path = issue.path as Key[];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ rank: 1, fault: unknownField([...path, key], document) }));
  }
  const rank = path[0] === "apiVersion" || path[0] === "kind" ? 0 : 1;
  const { expected, received } = new WrongField(path, issue.message, valueOf(document.value, path));
  return [
    { rank, fault: new TextFault({ offset: document.offsetOf(path), field: formatPath(path), expected, received }) },
  ];
}

function unknownField(path: readonly Key[], document: TextDocument): TextFault {
  const name = String(path.at(-1));
  const siblings = Object.keys((valueOf(defaults, path.slice(0, -1)) ?? {}) as object);
  const elsewhere = fieldPaths.find((known) => known === name || known.endsWith(`.${name}`));
  const meant = nearest(name, siblings) ?? elsewhere;
  return new TextFault({
    offset: document.offsetOf(path),
    field: formatPath(path),
    expected: meant === undefined ? "a known field" : `a known field; perhaps ${meant} was meant`,
    received: "one that no KubeProxyConfiguration has",
  });
}

/** All fields, such as `iptables.syncPeriod`. */
const fieldPaths: readonly string[] = pathsIn(defaults);

function pathsIn(section: object): readonly string[] {
  return Object.entries(section).flatMap(([key, value]: [string, unknown]) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [key];
    return pathsIn(value).map((path) => `${key}.${path}`);
  });
}

function valueOf(root: unknown, path: readonly Key[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<Key, unknown> | undefined)?.[key], root);
}

const words: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
};

/** What a field must be, where the schema itself does not say it. */
export function expectedOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return words[issue.expected] ?? "a map";
    case "invalid_value":
      if (issue.values[0] === API_VERSION) return `${API_VERSION}, the one version that there is`;
      return issue.values.length === 1
        ? String(issue.values[0])
        : `one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "too_small":
      return `a number of at least ${issue.minimum}`;
    case "too_big":
      return `a number of at most ${issue.maximum}`;
    default:
      return "another value";
  }
}
