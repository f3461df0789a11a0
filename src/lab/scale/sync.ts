import { fileURLToPath } from "node:url";
import { startProgram } from "../../host/exec.ts";
import type { IptablesVariant } from "../../host/iptables.ts";
import { threadFile } from "../../host/thread-file.ts";
import type { Mode } from "../../modes/program.ts";
import type { SocketAddr } from "../../net/flow.ts";
import type { EmulatedCost } from "../emulated-cost.ts";

/** A cluster to bring into force, and where. Plain data. */
export interface SyncRequest {
  readonly netns: string;
  readonly mode: Mode;
  /** Of mode ipvs. */
  readonly scheduler: string | undefined;
  readonly iptables: IptablesVariant | undefined;
  readonly services: number;
  readonly seed: number;
  readonly standIns: readonly SocketAddr[];
  /** It is killed when it takes longer. */
  readonly timeoutMs: number;
}

/** What bringing a whole cluster into force took. */
export interface FullSync {
  /** From the cluster to rules in force: the model, the program, and the host's commands. */
  readonly ms: number;
  /** What the host's commands were sent on standard input. */
  readonly bytes: number;
}

/** What came of it. */
export interface Synced {
  /** Where clients reach the measured services. */
  readonly targets: readonly SocketAddr[];
  readonly full: FullSync;
  /** The same of changes of one endpoint each. */
  readonly changesMs: readonly number[];
  /** Of the largest. */
  readonly changeBytes: number;
  /** The most memory that the process had. */
  readonly peakBytes: number;
  readonly emulated: EmulatedCost;
}

/** What the program says: once the rules are in force, and once it is done. */
export type SyncSaid =
  | { readonly kind: "in-force"; readonly full: FullSync }
  | { readonly kind: "done"; readonly synced: Synced };

/** What became of a sync: an answer, or in words why there is none. */
export type SyncOutcome<T> = { readonly answer: T } | { readonly reason: string };

const FIRST_MS = 60_000;
const PER_SERVICE_MS = 20;

/** How long a cluster may take to come into force, with its changes. */
export function syncBudgetMs(services: number): number {
  return FIRST_MS + PER_SERVICE_MS * services;
}

/** Brings a cluster into force, and then changes it. @param signal ends it, with every command that it has begun. */
export function syncInProcess(request: SyncRequest, signal: AbortSignal | undefined): Promise<SyncOutcome<Synced>> {
  return syncUntil(request, signal, (said) => (said.kind === "done" ? said.synced : undefined));
}

/** The same, but ends once its rules are in force. */
export function fullSyncInProcess(
  request: SyncRequest,
  signal: AbortSignal | undefined,
): Promise<SyncOutcome<FullSync>> {
  return syncUntil(request, signal, (said) => (said.kind === "in-force" ? said.full : undefined));
}

/** Whatever ends it, nothing of it runs any more afterwards. */
async function syncUntil<T>(
  request: SyncRequest,
  signal: AbortSignal | undefined,
  wanted: (said: SyncSaid) => T | undefined,
): Promise<SyncOutcome<T>> {
  const file = fileURLToPath(threadFile(import.meta.url, "sync-program"));
  const program = startProgram<SyncRequest, SyncSaid>([process.execPath, file]);
  let early: string | undefined;
  const end = (why: string) => (): void => {
    early = why;
    void program.close();
  };
  const stop = end("it was stopped");
  const late = setTimeout(end(`not in force after ${request.timeoutMs / 1000} s`), request.timeoutMs);
  signal?.addEventListener("abort", stop);
  if (signal?.aborted === true) stop();
  try {
    return await new Promise<SyncOutcome<T>>((resolve) => {
      program.onMessage((said) => {
        const answer = wanted(said);
        if (answer !== undefined) resolve({ answer });
      });
      void program.ended.then((stderr) => resolve({ reason: early ?? reasonOf(stderr) }));
      program.say(request);
    });
  } finally {
    clearTimeout(late);
    signal?.removeEventListener("abort", stop);
    await program.close();
  }
}

/** The one line that says what went wrong. */
function reasonOf(stderr: string): string {
  const line = stderr.split("\n").find((one) => one.startsWith("SluiceError"));
  return line?.replace(/^SluiceError[^:]*: /, "").replace(/ \{$/, "") ?? "it ended without a word";
}
