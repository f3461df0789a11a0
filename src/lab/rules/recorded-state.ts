import { optionalText, readJson } from "./recording-files.ts";
import type { Recording } from "./recording.ts";

/** What was recorded besides rules, while kube-proxy ran. */
export interface RecordedState {
  readonly stages?: Readonly<Record<string, RecordedStageState>>;
  /** Settings of the kernel that are not as usual. */
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly errors?: readonly string[];
}

/** What kube-proxy answered in a stage, and where it listened. */
export interface RecordedStageState {
  readonly http?: readonly HttpAnswer[];
  readonly listen?: readonly string[];
}

/** An answer to a request for a URL, with its headers' names in lower case; or why there was none. */
export type HttpAnswer = { readonly url: string } & (
  | { readonly error: string }
  | {
      readonly error?: undefined;
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
);

/** What a process of one mode answered at first. */
const ANSWERS = "expected/http.json";

/** Empty where nothing was recorded. */
export function recordedState({ folder }: Recording, mode: string): RecordedState {
  const file = `expected/state.${mode}.json`;
  if (optionalText(folder, file) !== undefined) return readJson<RecordedState>(folder, file);
  if (optionalText(folder, ANSWERS) === undefined) return {};
  return { stages: { "00-initial": { http: readJson<readonly HttpAnswer[]>(folder, ANSWERS) } } };
}

/** Whether the kernel refused a sync of kube-proxy's: the family concerned then stayed without rules. */
export function wasRefused(recording: Recording, mode: string): boolean {
  const { errors = [] } = recordedState(recording, mode);
  return errors.some((line) => /sync failed|Failed to execute iptables-restore/.test(line));
}
