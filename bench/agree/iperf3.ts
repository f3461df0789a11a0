import { execOk } from "../../src/host/exec.ts";
import type { SliceFigures } from "./figures.ts";

export const STREAMS = 2;

/** Streams towards the client, as fast as they come, after a second that does not count: what has come when its clock starts would. */
export async function iperfSlice(port: number, seconds: number, tries = 3): Promise<SliceFigures> {
  const to = ["-c", "127.0.0.1", "-p", String(port), "-R", "-P", String(STREAMS)];
  const said = JSON.parse(await execOk(["iperf3", ...to, "-O", "1", "-t", String(seconds), "-J"])) as {
    end: { sum_received: { bits_per_second: number } };
  };
  const { bits_per_second: bits } = said.end.sum_received;
  if (bits > 0) return { rate: bits / 8 };
  // One run in some dozens ends without a byte that it has counted: that is no figure.
  if (tries === 1) throw new Error("iperf3 has counted nothing");
  return iperfSlice(port, seconds, tries - 1);
}
