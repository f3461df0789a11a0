import { dirname } from "node:path";
import { askUrls } from "./ask-urls.ts";
import { linesDifference } from "./lines-difference.ts";
import { type NamedMetric, readExposition } from "./read-exposition.ts";
import type { RecordedNode } from "./recorded-node.ts";
import type { Recording } from "./recording.ts";
import { optionalText, readJson } from "./recording-files.ts";
import type { ArtifactDifference } from "./stage-result.ts";

const METRICS_URL = "http://127.0.0.1:10249/metrics";
/** What kube-proxy tells of itself and its process. The rest is of Go's runtime and of the API's client. */
const own = /^(?:kubeproxy|process)_/;

/** @returns kube-proxy's own metrics; undefined where they were not read, or what was read does not lie with it. */
export function recordedMetrics({ folder, readsMetrics }: Recording, mode: string): readonly NamedMetric[] | undefined {
  const file = `metrics-names.${mode}.json`;
  const shared = dirname(folder);
  if (!readsMetrics || optionalText(shared, file) === undefined) return undefined;
  return readJson<readonly NamedMetric[]>(shared, file).filter(({ name }) => own.test(name));
}

/** Compares names, types, help texts and labels; what a process has besides is its own affair. */
export async function compareMetrics(
  node: RecordedNode,
  recorded: readonly NamedMetric[],
): Promise<readonly ArtifactDifference[]> {
  const [answer] = await askUrls(node, [METRICS_URL]);
  const page = answer === undefined || answer.error !== undefined ? "" : answer.body;
  const names = new Set(recorded.map(({ name }) => name));
  const now = readExposition(page).filter(({ name }) => names.has(name));
  return linesDifference("metrics", METRICS_URL, recorded.map(lineOf), now.map(lineOf));
}

function lineOf({ name, type, help, labels }: NamedMetric): string {
  return `${type} ${name}{${labels.join(",")}} ${help}`;
}
