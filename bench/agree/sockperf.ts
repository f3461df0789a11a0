import { execOk } from "../../src/host/exec.ts";

/** Its datagrams; ours have another size, so that a server tells them apart. */
export const SOCKPERF_BYTES = 64;

/** Datagrams to and fro on one flow, one at a time. @returns answers a second. */
export async function sockperfRate(port: number, seconds: number): Promise<number> {
  const size = ["-m", String(SOCKPERF_BYTES)];
  const to = ["-i", "127.0.0.1", "-p", String(port)];
  const said = await execOk(["sockperf", "ping-pong", ...to, "-t", String(seconds), ...size]);
  const [, runSeconds, answers] =
    /\[Valid Duration\] RunTime=([\d.]+) sec; SentMessages=\d+; ReceivedMessages=(\d+)/.exec(said) as unknown as [
      string,
      string,
      string,
    ];
  return Number(answers) / Number(runSeconds);
}
