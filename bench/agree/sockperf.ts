import { execOk } from "../../src/host/exec.ts";
import type { SliceFigures } from "./figures.ts";

/** It warms up before, and cools down after what counts of its time, in seconds. */
export const SOCKPERF_IDLE_S = 0.45;

/**
 * Datagrams to and fro on one flow, one at a time.
 *
 * @param perSecond how many are due; undefined: each at once when the one before is answered.
 */
export async function sockperfSlice(
  port: number,
  bytes: number,
  seconds: number,
  perSecond?: number,
): Promise<SliceFigures> {
  const to = ["-i", "127.0.0.1", "-p", String(port), "-m", String(bytes), "-t", String(seconds), "--full-rtt"];
  const pace = perSecond === undefined ? [] : ["--mps", String(perSecond)];
  const said = await execOk(["sockperf", "ping-pong", ...to, ...pace]);
  const [, runSeconds, answers] = matched(
    /\[Valid Duration\] RunTime=([\d.]+) sec; SentMessages=\d+; ReceivedMessages=(\d+)/,
    said,
  );
  if (!said.includes("# dropped messages = 0;")) throw new Error(said);
  return { rate: Number(answers) / Number(runSeconds), medianUs: at(said, "50.000"), p99Us: at(said, "99.000") };
}

function at(said: string, percentile: string): number {
  return Number(matched(new RegExp(`percentile ${percentile} =\\s*([\\d.]+)`), said)[1]);
}

function matched(pattern: RegExp, said: string): RegExpExecArray {
  const found = pattern.exec(said);
  if (found === null) throw new Error(`sockperf said: ${said}`);
  return found;
}
