import type { Log } from "../../core/log.ts";
import { formatIp, type Ip } from "../../net/ip.ts";
import { recentLists } from "../emulated/node-state.ts";
import type { Crew } from "./crew.ts";
import { closings } from "./deal.ts";
import type { Table } from "./decide.ts";
import type { Draft } from "./draft.ts";
import type { HeldSockets } from "./held-sockets.ts";
import type { ListenerSockets } from "./listener-sockets.ts";
import type { WantedListener } from "./listen-plan.ts";
import type { LocalAddresses } from "./local-addresses.ts";
import type { Answers, ControlMessage } from "./messages.ts";
import { describeFailures } from "./opening-failures.ts";
import type { SharedMemory } from "./shared-memory.ts";
import { bySeat, type SocketMoves } from "./socket-moves.ts";
import type { WorkerThread } from "./worker-thread.ts";
import { asWorkersFailed, workersFailed } from "./workers-failed.ts";

/** A program that the workers decide by. */
export interface InForce extends Draft {
  readonly table: Table;
}

/** Takes all workers from one table to the next. Its methods are called one at a time. */
export interface Switcher {
  readonly inForce: InForce | undefined;
  /**
   * Puts a draft into force.
   *
   * What may fail comes first, beside the table in force: rules are made ready, sockets opened. Then new flows wait in
   * all workers until all of them have the new table: no flow is decided by the old one after any was decided by the
   * new one. Sockets that both tables want are not touched.
   *
   * @throws {SluiceError} DATAPLANE_FAILED; then the table before is in force, and what was opened is closed again.
   */
  apply(draft: Draft): Promise<void>;
  /** Brings every living worker to the table in force, and gives every socket that nobody serves to one. */
  repair(): Promise<void>;
}

export interface SwitcherParts {
  readonly crew: Crew;
  readonly memory: SharedMemory;
  readonly sockets: ListenerSockets;
  /** Undefined where each worker owns its sockets. */
  readonly held: HeldSockets | undefined;
  readonly moves: SocketMoves;
  /** Undefined where everything listens on loopback. */
  readonly addresses: LocalAddresses | undefined;
  readonly log: Log;
}

/** What takes back a step that was done. */
type Undo = () => Promise<unknown>;

export function createSwitcher(parts: SwitcherParts): Switcher {
  const { crew, memory, sockets, held, moves, addresses, log } = parts;
  /** The generation that each thread decides by. */
  const generations = new WeakMap<WorkerThread, number>();
  let inForce: InForce | undefined;

  /** What is left over is tried again by the next apply: it decides nothing about the one at hand. */
  const takeBack = async (ips: readonly Ip[]): Promise<void> => {
    await addresses?.remove(ips).catch((error: Error) => log.warn(error.message));
  };
  const forget = (wanted: readonly WantedListener[]): void => {
    sockets.retain(wanted);
    held?.retain(sockets.all());
  };
  /** Does all that may fail. @param undo gets what takes each step back, in order. */
  const makeReady = async (draft: Draft, threads: readonly WorkerThread[], undo: Undo[]): Promise<Table> => {
    const added = (await addresses?.add(draft.listen.addresses)) ?? [];
    undo.push(() => takeBack(added));

    const refusals = await askAll(threads, { kind: "prepare", program: draft.program, plan: draft.plan });
    const refusal = refusals.find((one) => one !== undefined);
    if (refusal !== undefined) throw workersFailed(refusal);

    // One that was lost with its worker, and cannot be had again, has its reason in the status.
    const known = new Set(sockets.all());
    undo.push(async () => forget(inForce?.listen.wanted ?? []));
    const { opened, failed } = await moves.open(sockets.take(draft.listen.wanted), threads, draft.everywhere);
    undo.push(() => moves.close(opened));
    const refused = failed.filter(({ socket }) => !known.has(socket));
    if (refused.length > 0) throw workersFailed(describeFailures(refused));

    undo.push(() => askAll(threads, { kind: "release" }));
    await askAll(threads, { kind: "hold" });
    return tableOf(draft, memory, sockets);
  };
  /** From here on a worker can only die, and is brought up to date when it is back. */
  const switchTo = async (next: InForce, threads: readonly WorkerThread[]): Promise<void> => {
    const { table, policy, everywhere } = next;
    const wanted = new Set(sockets.take(next.listen.wanted));
    const gone = closings(sockets.all(), wanted, everywhere);
    const close = bySeat(gone);
    const idsAt = (seat: number): number[] => (close.get(seat) ?? []).map(({ socket }) => socket.id);
    for (const { socket, seat } of gone) socket.owners.delete(seat);
    forget(next.listen.wanted);
    if (!everywhere) for (const socket of wanted) held?.keepOnly(socket, socket.owners);
    inForce = next;
    for (const thread of threads) generations.set(thread, table.generation);

    await Promise.all(threads.map((one) => one.ask({ kind: "switch", table, policy, close: idsAt(one.seat) })));
    memory.pools.commit();
    await askAll(threads, { kind: "release" });
  };
  const dropAddresses = async ({ listen }: InForce): Promise<void> => {
    if (addresses === undefined) return;
    const used = new Set(listen.addresses.map(formatIp));
    await takeBack(addresses.ours.filter((ip) => !used.has(formatIp(ip))));
  };
  const repair = async (): Promise<void> => {
    if (inForce === undefined) return;
    const { table, program, plan, policy, listen, everywhere } = inForce;
    const threads = crew.alive();
    const behind = threads.filter((thread) => generations.get(thread) !== table.generation);
    await askAll(behind, { kind: "prepare", program, plan });
    await askAll(behind, { kind: "switch", table, policy, close: [] });
    await askAll(behind, { kind: "release" });
    for (const thread of behind) generations.set(thread, table.generation);
    const { failed } = await moves.open(sockets.take(listen.wanted), threads, everywhere);
    if (failed.length > 0) log.warn(`not served: ${describeFailures(failed)}`);
  };

  return {
    get inForce() {
      return inForce;
    },
    async apply(draft) {
      await crew.settled();
      await repair();
      const threads = crew.alive();
      const undo: Undo[] = [];
      try {
        await switchTo({ ...draft, table: await makeReady(draft, threads, undo) }, threads);
      } catch (thrown) {
        for (const step of undo.reverse()) await step();
        throw asWorkersFailed(thrown);
      }
      await dropAddresses(inForce!);
      // A worker may have died meanwhile.
      await crew.settled();
      await repair();
    },
    repair,
  };
}

function askAll<M extends ControlMessage>(
  threads: readonly WorkerThread[],
  message: M,
): Promise<readonly (Answers[M["kind"]] | undefined)[]> {
  return Promise.all(threads.map((thread) => thread.ask(message)));
}

/** Lays out the pools and lists of a draft whose sockets are open. */
function tableOf({ generation, program, listen }: Draft, memory: SharedMemory, sockets: ListenerSockets): Table {
  const pools = memory.pools.prepare(program);
  const lists = memory.retainLists(recentLists(program));
  const open = sockets.take(listen.wanted);
  const frontends = new Map(listen.wanted.map(({ frontend }, at) => [open[at]!.id, frontend]));
  return { generation, pools, lists, frontends };
}
