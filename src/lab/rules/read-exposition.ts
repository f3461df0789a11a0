/** A metric as a page of Prometheus' text format tells of it. */
export interface NamedMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Of its series, in order of name, without the `le` of histograms; empty where it has no series. */
  readonly labels: readonly string[];
}

/** The metrics of such a page, in order of name. */
export function readExposition(text: string): readonly NamedMetric[] {
  const metrics: { name: string; type: string; help: string; labels: Set<string> }[] = [];
  for (const line of text.split("\n")) {
    const [, name, help = ""] = /^# HELP (\S+) (.*)$/.exec(line) ?? [];
    if (name !== undefined) metrics.push({ name, type: "", help, labels: new Set() });
    const last = metrics.at(-1);
    if (last === undefined) continue;
    last.type = /^# TYPE \S+ (\w+)$/.exec(line)?.[1] ?? last.type;
    for (const [, label] of line.startsWith("#") ? [] : line.matchAll(/[{,](\w+)="/g)) last.labels.add(label!);
  }
  return metrics
    .map(({ name, type, help, labels }) => ({ name, type, help, labels: [...labels].filter(isOwn).sort() }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Histograms have a label that is part of their form. */
function isOwn(label: string): boolean {
  return label !== "le";
}
