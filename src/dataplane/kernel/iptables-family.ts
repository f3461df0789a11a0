import { findIptables, type Iptables } from "../../host/iptables.ts";
import { changesBetween, type TableChanges } from "../../modes/iptables/changes.ts";
import { renderChanges } from "../../modes/iptables/render-changes.ts";
import type { IptablesRuleset, TableName } from "../../modes/iptables/ruleset.ts";
import type { Family } from "../../net/ip.ts";
import { kernelFailed } from "./commands.ts";
import { inBatches } from "./iptables-batches.ts";
import { onlyDifferences } from "./iptables-differences.ts";
import { CANARY, groundworkOf, type IptablesPlan, planCleanup, planWhole } from "./iptables-plan.ts";
import type { KernelHost } from "./programmer.ts";
import { committedBefore, refusedLine } from "./refused-line.ts";
import { readSaved } from "./saved-tables.ts";
import { createStaleChains, type StaleChains } from "./stale-chains.ts";

/** Seconds that iptables waits for its lock. */
const LOCK_SECONDS = "5";

/** The iptables of one family, and what we have in its kernel. */
export interface IptablesFamily {
  /**
   * Brings a ruleset into force: as a whole at first, after a failure, after a loss and once a period; else only what
   * is different. What leads to services is changed as a whole in each table, or not at all; where the second one
   * refuses, the first is put back.
   *
   * @throws {SluiceError} DATAPLANE_FAILED with the line that was refused.
   */
  apply(ruleset: IptablesRuleset): Promise<void>;
  /** @returns false when the canary is gone, and so what was applied. */
  intact(): Promise<boolean>;
  /** @returns takes away what was found of ours. @param all what others share, too. */
  findLeft(all: boolean): Promise<() => Promise<void>>;
}

/** @throws {SluiceError} HOST_UNABLE where the host has no iptables of this family. */
export async function openIptablesFamily(family: Family, host: KernelHost): Promise<IptablesFamily> {
  const tools = await findIptables(family, host.iptables, host.commands.netns);
  host.log.info(`IPv${family}: ${tools.command} v${tools.version} (${tools.variant})`);
  return new FamilyTables(family, tools, host);
}

class FamilyTables implements IptablesFamily {
  readonly #family: Family;
  readonly #tools: Iptables;
  readonly #host: KernelHost;
  readonly #stale: StaleChains;
  #inForce: IptablesRuleset | undefined;
  #whole = true;
  #wholeAtMs = 0;
  /** Of a first ruleset: what is made even where its rules are refused. */
  #groundwork: readonly TableChanges[] = [];

  constructor(family: Family, tools: Iptables, host: KernelHost) {
    this.#family = family;
    this.#tools = tools;
    this.#host = host;
    this.#stale = createStaleChains(host);
  }

  async apply(ruleset: IptablesRuleset): Promise<void> {
    const whole = this.#whole || this.#isDue();
    this.#host.listener.synced(this.#family, whole);
    const changes = whole ? await this.#plan(ruleset) : this.#changes(this.#inForce!, ruleset);
    if (changes.length > 0) await this.#restore(changes, ruleset);
    this.#inForce = ruleset;
    if (!whole) return;
    this.#whole = false;
    this.#stale.gone();
    this.#wholeAtMs = this.#host.clock.nowMs();
  }

  async intact(): Promise<boolean> {
    if (this.#inForce === undefined || this.#whole) return true;
    const { exitCode } = await this.#host.commands.run([
      this.#tools.command,
      "-w",
      LOCK_SECONDS,
      "-S",
      CANARY,
      "-t",
      "mangle",
    ]);
    this.#whole = exitCode !== 0;
    return exitCode === 0;
  }

  async findLeft(all: boolean): Promise<() => Promise<void>> {
    const plan = planCleanup(readSaved(await this.#save(), this.#family), this.#family, all);
    return async () => {
      const changes = this.#told(plan);
      this.#inForce = undefined;
      this.#whole = true;
      if (changes.length > 0) await this.#feed(this.#text(changes));
    };
  }

  #isDue(): boolean {
    if (this.#host.clock.nowMs() - this.#wholeAtMs < this.#host.fullSyncPeriodMs) return false;
    // With many endpoints kube-proxy leaves the periodic full sync out.
    return this.#inForce!.manyEndpoints !== true;
  }

  async #plan(ruleset: IptablesRuleset): Promise<readonly TableChanges[]> {
    const text = await this.#save();
    const saved = readSaved(text, this.#family);
    const changes = this.#told(planWhole(ruleset, saved));
    this.#groundwork = this.#inForce === undefined ? groundworkOf(changes, saved) : [];
    if (this.#host.dry) return onlyDifferences(changes, text, this.#family);
    return this.#batched(changes, (table) => saved.get(table)?.chains ?? new Set());
  }

  #changes(before: IptablesRuleset, ruleset: IptablesRuleset): readonly TableChanges[] {
    return this.#batched(this.#stale.sift(changesBetween(before, ruleset), ruleset), (table) => {
      const chains = before.tables.find(({ name }) => name === table)?.chains ?? [];
      return new Set(chains.map(({ name }) => name));
    });
  }

  /** @param there the chains that the kernel has in a table. */
  #batched(
    changes: readonly TableChanges[],
    there: (table: TableName) => ReadonlySet<string>,
  ): readonly TableChanges[] {
    if (this.#tools.variant === "legacy") return changes;
    return changes.flatMap((one) => inBatches(one, there));
  }

  #save(): Promise<string> {
    return this.#host.commands.ok([this.#tools.save]);
  }

  #told({ changes, held }: IptablesPlan): readonly TableChanges[] {
    for (const chain of held) {
      this.#host.log.warn(`IPv${this.#family}: ${chain} is emptied and stays: a rule of somebody else leads to it`);
    }
    return changes;
  }

  async #restore(changes: readonly TableChanges[], ruleset: IptablesRuleset): Promise<void> {
    const text = this.#text(changes);
    try {
      await this.#feed(text, (committed) => this.#putBack(committed, ruleset));
    } catch (error) {
      // What the kernel holds now is not sure any more.
      this.#whole = true;
      throw error;
    }
  }

  /** Undoes what was changed before the failure, so that the old rules are in force in every table. */
  async #putBack(committed: ReadonlySet<string>, refused: IptablesRuleset): Promise<string> {
    const before = this.#inForce;
    if (before === undefined) {
      const missing = this.#groundwork.filter(({ name }) => !committed.has(name));
      await this.#run(renderChanges(missing, this.#family));
    }
    if (committed.size === 0) return "";
    if (before === undefined) return `; table ${[...committed].join(", ")} holds the new rules`;
    const undo = changesBetween(refused, before).filter(({ name }) => committed.has(name));
    const { exitCode, stderr } = await this.#run(this.#text(undo));
    return exitCode === 0 ? "" : `; and the old rules could not be put back: ${stderr.trim()}`;
  }

  async #feed(text: string, undo?: (committed: ReadonlySet<string>) => Promise<string>): Promise<void> {
    const { exitCode, stderr } = await this.#run(text);
    if (exitCode === 0) return;
    const line = refusedLine(stderr, text);
    const undone = line === undefined ? "" : await undo?.(committedBefore(line, text));
    const where = line === undefined ? "" : ` refused line ${line.number}, ${JSON.stringify(line.text)}`;
    const said = stderr.trim() || `exit code ${exitCode}`;
    throw kernelFailed(`${this.#tools.restore} (IPv${this.#family})${where}: ${said}${undone ?? ""}`);
  }

  #text(changes: readonly TableChanges[]): string {
    return renderChanges(changes, this.#family, this.#tools.variant === "legacy" ? "descending" : "ascending");
  }

  #run(text: string): Promise<{ readonly exitCode: number | null; readonly stderr: string }> {
    return this.#host.commands.run([this.#tools.restore, "-w", LOCK_SECONDS, "--noflush", "--counters"], text);
  }
}
