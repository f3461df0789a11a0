import type { BackendCounters } from "./counters.ts";
import type { BackendSpec, Echo } from "./echo.ts";
import { createTcpEcho } from "./tcp.ts";
import { createUdpEcho } from "./udp.ts";

/** The echo backends of one thread. */
export interface OpenEchoes {
  /** The port of each, in the order of the specs. */
  readonly ports: readonly number[];
  newSlice(): void;
  close(): Promise<void>;
}

/**
 * Opens echo backends in this thread. @param counters for as many backends as there are specs.
 *
 * @throws {SluiceError} HOST_UNABLE when one of them cannot listen; then none does.
 */
export async function openEchoes(specs: readonly BackendSpec[], counters: BackendCounters): Promise<OpenEchoes> {
  const echoes: Echo[] = [];
  const ports: number[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(echoes.splice(0).map((echo) => echo.close()));
  };
  try {
    for (const [backend, spec] of specs.entries()) {
      const create = spec.protocol === "tcp" ? createTcpEcho : createUdpEcho;
      const echo = create(spec, counters, backend);
      ports.push(await echo.listen());
      echoes.push(echo);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { ports, close, newSlice: () => echoes.forEach((echo) => echo.newSlice()) };
}
