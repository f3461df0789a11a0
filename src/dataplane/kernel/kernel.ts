import { setTimeout as sleep } from "node:timers/promises";
import { type Clock, systemClock } from "../../core/clock.ts";
import { isSluiceError } from "../../core/errors.ts";
import { type Log, silentLog } from "../../core/log.ts";
import type { IptablesVariant } from "../../host/iptables.ts";
import type { Mode, Program } from "../../modes/program.ts";
import type { Dataplane, NodePlan } from "../dataplane.ts";
import { createCommands, kernelFailed } from "./commands.ts";
import { createDryCommands, type WouldRun } from "./dry-commands.ts";
import { createIptablesProgrammer } from "./iptables.ts";
import { createIpvsProgrammer } from "./ipvs.ts";
import { createNftablesProgrammer } from "./nftables.ts";
import type { KernelHost, KernelListener, Programmer } from "./programmer.ts";
import { throwAll } from "./throw-all.ts";
import { createUserspaceProgrammer } from "./userspace.ts";

export interface KernelOptions {
  /**
   * The network namespace whose kernel is programmed, by name (`ip netns`).
   * @default the one that we are in
   */
  readonly netns?: string;
  /**
   * Which iptables to use.
   * @default whichever `iptables` is on this host
   */
  readonly iptables?: IptablesVariant;
  /**
   * A command of the host that takes longer is killed, in milliseconds; for each MiB of its input it has as long again.
   * @default 60_000: 5,000 services of 5 endpoints are 10 MiB, and take some 15 s
   */
  readonly commandTimeoutMs?: number;
  /**
   * After so long all rules are written anew, in milliseconds.
   * @default 3_600_000, as kube-proxy
   */
  readonly fullSyncPeriodMs?: number;
  /**
   * In mode iptables with over 1,000 endpoints, chains of services that are gone are taken away so seldom, in
   * milliseconds; nothing leads to them.
   * @default 30_000, the syncPeriod of kube-proxy, which lists the rules for it
   */
  readonly staleChainsMs?: number;
  /**
   * Told of each command that would change the kernel, in order; none is run, and each seems to succeed.
   * @default all are run
   */
  readonly onlyTell?: (change: WouldRun) => void;
  /** Told how many bytes each command is sent on its standard input. @default nobody is */
  readonly onInput?: (bytes: number) => void;
  readonly clock?: Clock;
  readonly log?: Log;
}

/** Linux netfilter, programmed by the host's own commands. Needs root, or CAP_NET_ADMIN in the namespace. */
export interface KernelDataplane extends Dataplane {
  /**
   * Does what the last apply left for later: chains that it emptied are deleted when the kernel can. The next apply
   * does it too; this is for who makes no other. Waits for seconds at most.
   *
   * @throws {SluiceError} DATAPLANE_FAILED.
   */
  settle(): Promise<void>;
  /**
   * Looks whether what was applied is still there; to be asked every so often, as kube-proxy does every `syncPeriod`.
   *
   * @returns false when somebody flushed it: the next apply puts all of it back. True where nothing was applied.
   */
  intact(): Promise<boolean>;
  /** From now on somebody else is told what is done, and nobody before. */
  tell(listener: KernelListener): void;
  /**
   * Takes away what was applied last, or tried to, and of other modes nothing. Does nothing where nothing was.
   *
   * @throws {SluiceError} DATAPLANE_FAILED.
   */
  withdraw(): Promise<void>;
  /**
   * Takes away what any run of any mode left, and nothing of anybody else's: what `kube-proxy --cleanup` does.
   *
   * @throws {SluiceError} DATAPLANE_FAILED, HOST_UNABLE.
   */
  cleanup(options?: CleanupOptions): Promise<void>;
}

interface CleanupOptions {
  /**
   * What is shared with kubelet goes, too: the chain KUBE-FIREWALL.
   * @default false
   */
  readonly all?: boolean;
}

/** In the order of their clean-up: what rules name goes after the rules. */
type Programmers = { readonly [M in Mode]: Programmer<M> };

/** Modes that name their chains alike: neither can be cleaned up beside the other. */
const alike: ReadonlySet<string> = new Set<Mode>(["iptables", "ipvs"]);

/**
 * Makes a dataplane that programs a kernel. The first program of a mode puts away what other modes left there, once it
 * is in force itself, as kube-proxy does at its start. Closing leaves the rules in force, as kube-proxy does when it
 * ends; `cleanup` takes them away.
 */
export function createKernelDataplane(options: KernelOptions = {}): KernelDataplane {
  const { onlyTell } = options;
  const commands = createCommands(options.netns, options.commandTimeoutMs ?? 60_000, options.onInput);
  let told: KernelListener = { synced() {}, reconciled() {} };
  const host: KernelHost = {
    listener: {
      synced: (family, whole) => told.synced(family, whole),
      reconciled: (family, durationMs, forgotten) => told.reconciled(family, durationMs, forgotten),
    },
    commands: onlyTell === undefined ? commands : createDryCommands(commands, onlyTell),
    dry: onlyTell !== undefined,
    iptables: options.iptables,
    fullSyncPeriodMs: options.fullSyncPeriodMs ?? 3_600_000,
    staleChainsMs: options.staleChainsMs ?? 30_000,
    clock: options.clock ?? systemClock,
    waitMs: (ms) => sleep(ms),
    log: options.log ?? silentLog,
  };
  const programmers: Programmers = {
    iptables: createIptablesProgrammer(host),
    nftables: createNftablesProgrammer(host),
    ipvs: createIpvsProgrammer(host),
    userspace: createUserspaceProgrammer(host),
  };
  return new Kernel(host, programmers, (listener) => (told = listener));
}

class Kernel implements KernelDataplane {
  readonly name = "kernel";
  readonly #host: KernelHost;
  readonly #programmers: Programmers;
  readonly tell: KernelDataplane["tell"];
  /** In force, and tried last. */
  #mode: Mode | undefined;
  #tried: Mode | undefined;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: KernelHost, programmers: Programmers, tell: KernelDataplane["tell"]) {
    this.#host = host;
    this.tell = tell;
    this.#programmers = programmers;
  }

  apply(program: Program, plan: NodePlan): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#closed) throw kernelFailed("it is closed");
      this.#tried = program.mode;
      const putAwayOthers = program.mode === this.#mode ? () => {} : await this.#findOthers(program.mode);
      await programmerOf(this.#programmers, program).apply(program, plan).catch(asFailure);
      this.#mode = program.mode;
      await putAwayOthers();
    });
  }

  settle(): Promise<void> {
    return this.#each((programmer) => programmer.settle());
  }

  intact(): Promise<boolean> {
    return this.#inTurn(async () => {
      const intact = await Promise.all(Object.values(this.#programmers).map((programmer) => programmer.intact()));
      return intact.every(Boolean);
    });
  }

  withdraw(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#tried !== undefined) await clean(this.#programmers[this.#tried], false).catch(asFailure);
      this.#mode = undefined;
      this.#tried = undefined;
    });
  }

  async cleanup({ all = false }: CleanupOptions = {}): Promise<void> {
    await this.#each((programmer) => clean(programmer, all));
    this.#mode = undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }

  /**
   * Looks for what other modes left before there is more to look through. The rules are in force all the same where
   * this fails, so it is told and nothing else.
   *
   * @returns puts it away.
   */
  async #findOthers(mode: Mode): Promise<() => Promise<void>> {
    const found: (() => Promise<void>)[] = [];
    for (const [other, programmer] of Object.entries(this.#programmers)) {
      if (other === mode || (alike.has(mode) && alike.has(other))) continue;
      const asWarning = (error: unknown): void => {
        this.#host.log.warn(`what mode ${other} left is still there: ${(error as Error).message}`);
      };
      const putAway = await programmer.findLeft(false).catch((error: unknown) => asWarning(error));
      if (putAway !== undefined) found.push(() => putAway().catch(asWarning));
    }
    return async () => {
      for (const putAway of found) await putAway();
    };
  }

  /** One after the other. */
  #each(work: (programmer: Programmers[Mode]) => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      const outcomes: PromiseSettledResult<void>[] = [];
      for (const programmer of Object.values(this.#programmers)) {
        outcomes.push(...(await Promise.allSettled([work(programmer)])));
      }
      throwAll(outcomes);
    });
  }

  /** One thing at a time: each leaves the kernel as the next one expects it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}

async function clean(programmer: Programmers[Mode], all: boolean): Promise<void> {
  const takeAway = await programmer.findLeft(all);
  await takeAway();
}

/** A command that failed on the way is this dataplane's failure. */
function asFailure(error: unknown): never {
  throw isSluiceError(error, "COMMAND_FAILED") ? kernelFailed(error.message, error) : error;
}

function programmerOf<P extends Program>(programmers: Programmers, { mode }: P): Programmer<P["mode"]> {
  return programmers[mode as P["mode"]] as Programmer<P["mode"]>;
}
