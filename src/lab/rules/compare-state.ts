import { askUrls } from "./ask-urls.ts";
import { linesDifference } from "./lines-difference.ts";
import type { RecordedNode } from "./recorded-node.ts";
import { type HttpAnswer, recordedState, type RecordedStageState } from "./recorded-state.ts";
import type { Recording } from "./recording.ts";
import type { ArtifactDifference } from "./stage-result.ts";

/** Settings of the kernel that were read of every recording, with their usual values. */
const usual: Readonly<Record<string, string>> = {
  "net.netfilter.nf_conntrack_tcp_be_liberal": "0",
  "net.netfilter.nf_conntrack_tcp_timeout_established": "432000",
  "net.netfilter.nf_conntrack_tcp_timeout_close_wait": "60",
  "net.netfilter.nf_conntrack_udp_timeout": "30",
  "net.netfilter.nf_conntrack_udp_timeout_stream": "120",
};
const LOCALNET = "net.ipv4.conf.all.route_localnet";

/** All that are compared. */
export const comparedSysctls: readonly string[] = [...Object.keys(usual), LOCALNET];

/** Compares the settings of the kernel after the first sync. @param mode that of the sync. */
export async function compareSysctls(
  node: RecordedNode,
  recording: Recording,
  mode: string,
): Promise<readonly ArtifactDifference[]> {
  const { sysctl = {} } = recordedState(recording, mode);
  const wanted: Readonly<Record<string, string>> = { ...usual, [LOCALNET]: mode === "iptables" ? "1" : "0", ...sysctl };
  const names = Object.keys(wanted);
  const { stdout } = await node.run(["sysctl", "-n", ...names]);
  const now = stdout.trim().split("\n");
  return names.flatMap((name, i) => linesDifference("sysctl", name, [wanted[name]!], [now[i] ?? "none"]));
}

/** What kube-proxy answered and where it listened in a stage; undefined where it was not asked. */
export function stateOf(recording: Recording, mode: string, stage: string): RecordedStageState | undefined {
  return recordedState(recording, mode).stages?.[stage];
}

/** How many records `compareState` compares. */
export function countState(recorded: RecordedStageState | undefined): number {
  return (recorded?.http?.length ?? 0) + (recorded?.listen === undefined ? 0 : 1);
}

/** Asks a running process what kube-proxy was asked. */
export async function compareState(
  node: RecordedNode,
  { http = [], listen }: RecordedStageState,
): Promise<readonly ArtifactDifference[]> {
  const asked = http.map(({ url }) => url);
  const answers = await askUrls(node, asked);
  const differences = http.flatMap((recorded, i) =>
    linesDifference("http", recorded.url, linesOf(recorded), linesOf(answers[i]!, recorded)),
  );
  if (listen === undefined) return differences;
  const { stdout } = await node.run(["ss", "-Hltn"]);
  const now = stdout.split("\n").flatMap((line) => line.trim().split(/\s+/)[3] ?? []);
  return [...differences, ...linesDifference("listen", "sockets", listen.toSorted(), now.toSorted())];
}

/** Headers that say something about the connection or the moment. */
const passing = new Set(["date", "connection", "keep-alive", "content-length"]);

/** @param asked names the headers that count although they are passing. */
function linesOf(answer: HttpAnswer, asked: HttpAnswer = answer): readonly string[] {
  if (answer.error !== undefined) return [answer.error];
  const recorded = asked.error === undefined ? asked.headers : {};
  const headers = Object.entries(answer.headers).filter(
    ([name]) => Object.hasOwn(recorded, name) || !passing.has(name),
  );
  const body = answer.body.replaceAll(/("(?:lastUpdated|currentTime)": ?)"[^"]*"/g, '$1"<TIME>"');
  return [`status ${answer.status}`, ...headers.map(([name, value]) => `${name}: ${value}`).sort(), body];
}
