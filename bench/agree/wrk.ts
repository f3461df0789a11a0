import { execOk } from "../../src/host/exec.ts";
import type { SliceFigures } from "./figures.ts";

export const CONNECTIONS = 16;
const UNITS_US: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6 };

/** Requests on kept connections, each again at once. @param bytes of a request; a path fills it up. */
export async function wrkSlice(port: number, bytes: number, seconds: number): Promise<SliceFigures> {
  const bare = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  const url = `http://127.0.0.1:${port}/${"a".repeat(bytes - bare.length)}`;
  const said = await execOk(["wrk", "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--latency", url]);
  if (/Socket errors|Non-2xx/.test(said)) throw new Error(said);
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(said)![1]), medianUs: at(said, 50), p99Us: at(said, 99) };
}

function at(said: string, percentile: number): number {
  const [, value, unit] = new RegExp(`^\\s+${percentile}%\\s+([\\d.]+)(us|ms|s)$`, "m").exec(said)!;
  return Number(value) * UNITS_US[unit!]!;
}
