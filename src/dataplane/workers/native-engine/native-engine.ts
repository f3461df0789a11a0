import type { Addon, EngineHandle } from "../../../host/addon.ts";
import { TCP } from "../../../net/flow.ts";
import { counterNames } from "../counters.ts";
import type { Engine, FlowRouter, ListenerResult, ListenerSpec } from "../engine.ts";
import type { ForwardingPolicy } from "../policy.ts";
import { workersFailed } from "../workers-failed.ts";
import { withDestination } from "./destinations.ts";
import { createExchange } from "./exchange.ts";
import { type ListeningSocket, openListeningSocket, systemError } from "./listening-socket.ts";
import { policyWords } from "./policy-words.ts";

export interface NativeEngineOptions {
  /** Of this worker; the engine writes it without a call. */
  readonly counters: SharedArrayBuffer;
  /** For the flows that come before the first `use`. */
  readonly policy: ForwardingPolicy;
  readonly backlog: number;
  /** UDP flows at a time. */
  readonly maxUdpFlows: number;
  /** One number in shared memory: the time in milliseconds, for replays. Absent: the host's clock. */
  readonly clockMs?: Float64Array;
}

/**
 * The engine in C. It asks JavaScript where flows go, a batch a turn, and moves the bytes by itself.
 *
 * @throws {SluiceError} DATAPLANE_FAILED without memory or descriptors for it.
 */
export function createNativeEngine(addon: Addon, router: FlowRouter, options: NativeEngineOptions): Engine {
  checkCounters(addon);
  const exchange = createExchange();
  /** By listener: the number of its group. */
  const groups = new Map<number, { readonly group: string; readonly number: number }>();
  const transparent = new Set<number>();
  let whenQuiet = (): void => {};
  let stopped = false;

  const asker: FlowRouter = {
    changed: (batch) => router.changed(batch),
    route: (flows) =>
      router.route(
        transparent.size === 0
          ? flows
          : flows.map((flow) => (transparent.has(flow.listener) ? withDestination(addon, engine, flow) : flow)),
      ),
  };
  const turn = (changes: number, asks: number): void => {
    exchange.handOver(asker, changes, asks);
    if (changes > 0) whenQuiet();
  };
  const { clockMs, maxUdpFlows } = options;
  const counters = new Float64Array(options.counters);
  const engine = created(() =>
    addon.create(counters, exchange.words, clockMs, policyWords(options.policy), maxUdpFlows, turn),
  );

  const groupOf = ({ id, group }: ListenerSpec): number =>
    [...groups.values()].find((known) => known.group === group)?.number ?? id;
  const listen = (spec: ListenerSpec, socket: ListeningSocket): ListenerResult => {
    if ("failure" in socket) return { id: spec.id, failure: socket.failure };
    const number = groupOf(spec);
    const failure = addon.listen(engine, spec.id, socket.fd, spec.proto === TCP, number);
    if (failure < 0) return { id: spec.id, failure: `listen ${systemError(failure)}` };
    groups.set(spec.id, { group: spec.group, number });
    if (spec.transparent === true) transparent.add(spec.id);
    return { id: spec.id, bound: socket.bound };
  };
  const openOne = (spec: ListenerSpec): ListenerResult => {
    if (spec.fd !== undefined) return listen(spec, { fd: spec.fd, bound: spec.at });
    const socket = openListeningSocket(addon, spec, options.backlog);
    const result = listen(spec, socket);
    if ("fd" in socket) addon.closeSocket(socket.fd);
    return result;
  };
  const close = (ids: Iterable<number>): void => {
    for (const id of ids) {
      addon.unlisten(engine, id);
      groups.delete(id);
      transparent.delete(id);
    }
  };
  /** Resolves when no connection is open, at the latest after so long. */
  const quiet = (deadlineMs: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, deadlineMs);
      whenQuiet = () => {
        if (!stopped && addon.connections(engine) > 0) return;
        clearTimeout(timer);
        resolve();
      };
      whenQuiet();
    });

  return {
    open: async (specs) => specs.map(openOne),
    close,
    use: (policy) => addon.use(engine, policyWords(policy)),
    hold: () => addon.hold(engine, true),
    release: () => addon.hold(engine, false),
    expire(slots) {
      for (const slot of slots) addon.expire(engine, slot);
    },
    async drain(deadlineMs) {
      // What is transparent stays so: those who waited in its queue ask now.
      for (const id of groups.keys()) addon.unlisten(engine, id);
      groups.clear();
      await quiet(deadlineMs);
      return stopped ? 0 : addon.resetAll(engine);
    },
    stop() {
      stopped = true;
      addon.stop(engine);
    },
  };
}

/** @throws {SluiceError} DATAPLANE_FAILED, with what the host or the addon says. */
function created(create: () => EngineHandle): EngineHandle {
  try {
    return create();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw workersFailed(`the C engine was not created: ${message} (${code})`, error);
  }
}

/** The memory is laid out twice, here and in C: an addon of another version is found out at once. */
function checkCounters({ counters }: Addon): void {
  if (counters.join() !== counterNames.join()) throw new Error("the C engine is of another version: build it again");
}
