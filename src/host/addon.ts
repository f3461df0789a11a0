import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { ownPackage } from "./own-package.ts";

/** An engine in C; only the addon looks inside. */
export interface EngineHandle {
  readonly __engine: unique symbol;
}

/** What the addon offers. Numbers below 0 are errors of the host: `-errno`. */
export interface Addon {
  /** The names of an engine's counters, in the order of their memory. */
  readonly counters: readonly string[];
  /** @param at family, port and four words of the address; gets what was bound. @returns a descriptor. */
  openSocket(at: Uint32Array, tcp: boolean, reusePort: boolean, backlog: number): number;
  /** @throws {Error} for a number that is no open socket. */
  closeSocket(fd: number): void;
  /**
   * Where the client of an accepted TCP socket connected to, before a rule of the kernel redirected it.
   *
   * @param to six words, as of `openSocket`. @returns 0 or an error.
   */
  originalDestination(fd: number, to: Uint32Array): number;
  /**
   * An engine on this thread's loop. Counters, exchange and clock are its memory for as long as it runs, so they have
   * to be in a SharedArrayBuffer.
   *
   * @param clock where it reads the time in milliseconds, for replays; undefined: the host's clock.
   * @param turn is called once a turn with how many changes and questions stand in the exchange.
   */
  create(
    counters: Float64Array,
    exchange: Uint32Array,
    clock: Float64Array | undefined,
    policy: Uint32Array,
    maxUdpFlows: number,
    turn: (changes: number, asks: number) => void,
  ): EngineHandle;
  /** Takes new flows from a copy of a descriptor. */
  listen(engine: EngineHandle, id: number, fd: number, tcp: boolean, group: number): number;
  unlisten(engine: EngineHandle, id: number): void;
  use(engine: EngineHandle, policy: Uint32Array): void;
  hold(engine: EngineHandle, hold: boolean): void;
  expire(engine: EngineHandle, slot: number): void;
  /** @returns how many connections there were. */
  resetAll(engine: EngineHandle): number;
  /** `originalDestination` of the TCP connection in a slot. */
  destination(engine: EngineHandle, slot: number, to: Uint32Array): number;
  connections(engine: EngineHandle): number;
  stop(engine: EngineHandle): void;
}

/** Where a build puts the addon, and where the packed package has it. */
const places = [
  ["build", "Release", "sluice.node"],
  ["prebuilds", `${process.platform}-${process.arch}`, "sluice.node"],
] as const;

/**
 * Loads the addon of this package; every thread that wants it calls this.
 *
 * @param folder of the package.
 * @returns why it cannot be loaded, as text.
 */
export function loadAddon(folder = ownPackage().folder): Addon | string {
  const built = places.map((parts) => join(folder, ...parts)).find((file) => existsSync(file));
  if (built === undefined) return `the C engine is not built for ${process.platform}-${process.arch}`;
  try {
    return createRequire(import.meta.url)(built) as Addon;
  } catch (error) {
    return `the C engine does not load: ${(error as Error).message}`;
  }
}
