import type { Dataplane } from "../dataplane.ts";
import { createCrew } from "./crew.ts";
import { chooseEngine } from "./choose-engine.ts";
import { createDraft } from "./draft.ts";
import { createHeldSockets } from "./held-sockets.ts";
import { createListenerSockets } from "./listener-sockets.ts";
import { createLocalAddresses } from "./local-addresses.ts";
import { hasIpv6 } from "./loopback.ts";
import { resolveWorkersOptions, type WorkersOptions } from "./options.ts";
import { honoursReusePort } from "./reuse-port.ts";
import { createSerial } from "./serial.ts";
import { createSharedMemory } from "./shared-memory.ts";
import { createSocketMoves } from "./socket-moves.ts";
import { listenerStatus, type WorkersStatus } from "./status.ts";
import { createSwitcher } from "./switcher.ts";
import { type Spawn, spawnWorker } from "./worker-thread.ts";
import { asWorkersFailed, workersFailed } from "./workers-failed.ts";

/** Forwards real TCP and UDP traffic through worker threads. */
export interface WorkersDataplane extends Dataplane {
  status(): WorkersStatus;
  /**
   * Stops listening, and waits for open TCP connections to end. Nothing can be applied after it.
   *
   * @returns how many connections were still open after `deadlineMs`, and were reset.
   */
  drain(deadlineMs: number): Promise<number>;
}

/**
 * Starts the workers; nothing listens before the first `apply`.
 *
 * @param spawn starts the threads.
 * @throws {SluiceError} CONFIG_INVALID; HOST_UNABLE when virtual addresses are to be bound and we are not root, and when
 *   the engine that is wanted is not built.
 */
export function createWorkersDataplane(options: WorkersOptions = {}, spawn: Spawn = spawnWorker): WorkersDataplane {
  const resolved = resolveWorkersOptions(options);
  const { log, workers, bind } = resolved;
  const engine = chooseEngine(resolved.engine);
  const held = engine.name === "native" ? createHeldSockets(engine.addon, resolved.backlog) : undefined;
  const spread = held === undefined ? "reusePort" : "shared sockets";
  const abilities = { reusePort: held !== undefined || honoursReusePort(), ipv6: hasIpv6() };
  const addresses = bind === "cluster-ips" ? createLocalAddresses() : undefined;
  const memory = createSharedMemory(resolved, engine.name);
  const sockets = createListenerSockets();
  const operations = createSerial();
  /** Of the last draft, in force or not. */
  let generation = 0;
  /** Why nothing can be applied any more. */
  let over: string | undefined;
  let closing: Promise<void> | undefined;

  const mend = (): void => {
    const repair = async (): Promise<void> => (over === undefined ? switcher.repair() : undefined);
    operations.run(repair).catch((error: Error) => log.warn(error.message));
  };
  const crew = createCrew(workers, spawn, log, {
    startOf: memory.startOf,
    arrived: mend,
    died(seat) {
      sockets.lose(seat);
      mend();
      return memory.bury(seat);
    },
  });
  const moves = createSocketMoves(crew, abilities.reusePort, held);
  const switcher = createSwitcher({ crew, memory, sockets, held, moves, addresses, log });

  const apply: Dataplane["apply"] = async (program, plan) => {
    if (over !== undefined) throw workersFailed(over);
    try {
      generation += 1;
      const isLocal = (await addresses?.readForeign()) ?? (() => true);
      await switcher.apply(createDraft(generation, program, plan, resolved, { ...abilities, isLocal }));
    } catch (thrown) {
      throw asWorkersFailed(thrown);
    }
  };
  const close = async (): Promise<void> => {
    over = "it is closed";
    await crew.stop();
    await operations.idle();
    held?.retain([]);
    await addresses?.close();
  };

  return {
    name: "workers",
    apply: (program, plan) => operations.run(() => apply(program, plan)),
    close: () => (closing ??= close()),
    drain: (deadlineMs) =>
      operations.run(async () => {
        over ??= "it was drained";
        held?.retain([]);
        const resets = await Promise.all(crew.alive().map((thread) => thread.ask({ kind: "drain", deadlineMs })));
        for (const { owners } of sockets.all()) owners.clear();
        return resets.reduce<number>((sum, count) => sum + (count ?? 0), 0);
      }),
    status() {
      const { inForce } = switcher;
      return {
        generation: inForce?.generation ?? 0,
        placement: (inForce?.everywhere ?? abilities.reusePort) ? spread : "ports dealt to workers",
        engine: engine.name,
        workers: crew.states(),
        listeners: inForce === undefined ? [] : listenerStatus(inForce, sockets),
        notEmulated: (inForce?.listen.dropping ?? []).map((frontend) => ({ frontend, what: "drop" as const })),
        counters: memory.counters(),
      };
    },
  };
}
