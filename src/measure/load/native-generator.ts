import { existsSync } from "node:fs";
import { join } from "node:path";
import { SluiceError } from "../../core/errors.ts";
import { type RunningCommand, startCommand } from "../../host/exec.ts";
import { inNetns } from "../../host/netns.ts";
import { ownPackage } from "../../host/own-package.ts";
import { createLatencyHistogram, encodeHistogram, recordLatencies } from "../histogram.ts";
import { type WorkKind, workOf } from "../work.ts";
import type { LoadGenerator } from "./generator.ts";
import type { LoadSample, LoadTask } from "./task.ts";

/** What the process prints of a slice. */
interface Printed extends Pick<LoadSample, "operations" | "answers" | "opened" | "bytes" | "sentLate" | "errors"> {
  readonly windowNs: number;
  readonly busyNs: number;
  readonly elapsedNs: number;
  readonly latencies: readonly (readonly [ns: number, count: number])[];
}

const workNames: Readonly<Record<WorkKind, string>> = {
  "tcp-connect-request-close": "close",
  "tcp-request-response": "echo",
  "tcp-bulk": "bulk",
  "udp-request-response": "udp",
  "tcp-connect": "connect",
  "udp-first-datagram": "first",
};
const NS_PER_MS = 1e6;

/** Where a build puts the generator; undefined where it is not built. @param folder of the package. */
export function nativeGeneratorFile(folder = ownPackage().folder): string | undefined {
  const file = join(folder, "build", "Release", "sluice-load");
  return existsSync(file) ? file : undefined;
}

/**
 * The generator in a process: it counts what the one in a thread counts, and takes less time over it.
 *
 * @param netns the network namespace that it sends from. @default the one that we are in
 */
export function startNativeGenerator(file: string, netns?: string): LoadGenerator {
  let heard = "";
  let wanted: ((line: string) => void) | undefined;
  let busy = 0;
  const command = startCommand(inNetns(netns, [file, "lanes"]), {
    ownGroup: true,
    onStdout(text) {
      heard += text;
      const end = heard.indexOf("\n");
      if (end < 0) return;
      const line = heard.slice(0, end);
      heard = heard.slice(end + 1);
      wanted?.(line);
    },
  });
  return {
    name: "native",
    async run(task, signal) {
      if (signal?.aborted === true) return sampleOf(nothing);
      const stop = (): void => command.say("stop\n");
      const line = new Promise<string>((resolve) => (wanted = resolve));
      command.say(taskLine(task));
      signal?.addEventListener("abort", stop, { once: true });
      try {
        const printed = JSON.parse(await Promise.race([line, ended(command)])) as Printed;
        busy = printed.elapsedNs === 0 ? 0 : printed.busyNs / printed.elapsedNs;
        return sampleOf(printed);
      } finally {
        signal?.removeEventListener("abort", stop);
      }
    },
    busyShare: () => Promise.resolve(busy),
    async close() {
      await command.stop("SIGTERM");
    },
  };
}

/** Of a slice that was stopped before it began. */
const nothing: Printed = {
  operations: 0,
  answers: 0,
  opened: 0,
  bytes: 0,
  sentLate: 0,
  errors: { refused: 0, dropped: 0, timedOut: 0, wrong: 0 },
  windowNs: 0,
  busyNs: 0,
  elapsedNs: 0,
  latencies: [],
};

async function ended(command: RunningCommand): Promise<never> {
  await command.gone;
  const reason = `the load generator has ended: ${command.stderr().trim()}`;
  throw new SluiceError("HOST_UNABLE", reason, { missing: "a load generator that runs" });
}

function taskLine({ work, targets, concurrency, messageBytes, windowMs, timeoutMs, firstLane }: LoadTask): string {
  const { kind, ratePerSecond = 0 } = workOf(work);
  const numbers = [concurrency, messageBytes, windowMs * NS_PER_MS, timeoutMs * NS_PER_MS, firstLane, ratePerSecond];
  const to = targets.map(({ host, port }) => `${host}:${port}`);
  return `${[workNames[kind], ...numbers, ...to].join(" ")}\n`;
}

function sampleOf({ windowNs, latencies, operations, answers, opened, bytes, sentLate, errors }: Printed): LoadSample {
  const histogram = createLatencyHistogram();
  recordLatencies(histogram, latencies);
  const latency = encodeHistogram(histogram);
  return { operations, answers, opened, bytes, sentLate, errors, seconds: windowNs / 1e9, latency };
}
