import { parseNftables } from "../../modes/nftables/parse.ts";
import { inParts } from "../../modes/nftables/parts.ts";
import { renderTransaction } from "../../modes/nftables/render-commands.ts";
import type { Table } from "../../modes/nftables/ruleset.ts";
import { familyOfTable } from "../../modes/nftables/table-family.ts";
import { planSync, type SyncState } from "../../modes/nftables/sync.ts";
import type { Transaction } from "../../modes/nftables/transaction.ts";
import { kernelFailed } from "./commands.ts";
import type { KernelHost } from "./programmer.ts";

/** kube-proxy's: how long a chain has been empty before it is deleted, and some. In milliseconds. */
const SETTLE_MS = 1100;

type TableName = Pick<Table, "family" | "name">;

/** One table of ours, and what the kernel has of it. */
export interface NftablesTable {
  /**
   * Brings a table into force in one transaction, which holds what is different; before a first one that is large, it
   * fills chains to which nothing leads yet. What the kernel has is listed at
   * first, after a failure, after a loss and once a period; between, we know it.
   *
   * @throws {SluiceError} DATAPLANE_FAILED with the line that was refused; then what was before is in force.
   */
  apply(table: Table): Promise<void>;
  /** Waits until chains that were emptied may be deleted, and deletes them. */
  settle(): Promise<void>;
  /** @returns false when the table is gone. */
  intact(): Promise<boolean>;
}

export function openNftablesTable(host: KernelHost): NftablesTable {
  return new KernelTable(host);
}

class KernelTable implements NftablesTable {
  readonly #host: KernelHost;
  #state: SyncState | undefined;
  #wanted: Table | undefined;
  /** What the kernel has has to be listed first. */
  #unsure = true;
  #listedAtMs = 0;

  constructor(host: KernelHost) {
    this.#host = host;
  }

  async apply(table: Table): Promise<void> {
    const nowMs = this.#host.clock.nowMs();
    const whole = this.#unsure || nowMs - this.#listedAtMs >= this.#host.fullSyncPeriodMs;
    this.#host.listener.synced(familyOfTable(table), whole);
    if (whole) {
      this.#state = await this.#list(table);
      this.#listedAtMs = nowMs;
      this.#unsure = false;
    }
    let plan = planSync(this.#state, table, nowMs);
    if (plan.cleanup !== undefined && !(await this.#deleteEmptied(plan.cleanup))) {
      this.#state = await this.#list(table);
      plan = planSync(this.#state, table, nowMs);
    }
    try {
      for (const part of inParts(plan.main)) await this.#feed(part);
    } catch (error) {
      this.#unsure = true;
      throw error;
    }
    this.#state = plan.state;
    this.#wanted = table;
  }

  async settle(): Promise<void> {
    if (this.#wanted === undefined || (this.#state?.emptiedAtMs.size ?? 0) === 0) return;
    await this.#host.waitMs(SETTLE_MS);
    await this.apply(this.#wanted);
  }

  async intact(): Promise<boolean> {
    if (this.#wanted === undefined || this.#unsure) return true;
    const { family, name, sets } = this.#wanted;
    // Not the table itself: for that nft 1.0.6 reads all that is in any table first, which may take seconds.
    const set = sets.find(({ data }) => data === undefined)!.name;
    const { exitCode } = await this.#host.commands.run(["nft", "-t", "list", "set", family, name, set]);
    this.#unsure = exitCode !== 0;
    return !this.#unsure;
  }

  /** The kernel may be too busy with them, before Linux 6.2: they are tried again at the next sync. */
  async #deleteEmptied(cleanup: Transaction): Promise<boolean> {
    try {
      await this.#feed(cleanup);
      return true;
    } catch (error) {
      this.#host.log.warn(`emptied chains stay for now: ${(error as Error).message}`);
      return false;
    }
  }

  async #feed(transaction: Transaction): Promise<void> {
    const text = renderTransaction(transaction);
    if (text === "") return;
    const { exitCode, stderr } = await this.#host.commands.run(["nft", "-f", "-"], text);
    if (exitCode !== 0) throw kernelFailed(`nft (${nameOf(transaction.table)}) ${refusal(stderr, text)}`);
  }

  /** @returns undefined where the kernel has no such table. */
  async #list(table: TableName): Promise<SyncState | undefined> {
    const { exitCode, stdout, stderr } = await this.#host.commands.run([
      "nft",
      "-j",
      "list",
      "table",
      table.family,
      table.name,
    ]);
    if (exitCode === 0) {
      const [listed] = parseNftables(stdout, `nft list table ${nameOf(table)}`).tables;
      return listed === undefined ? undefined : { table: listed, emptiedAtMs: new Map() };
    }
    if (/No such file or directory/.test(stderr)) return undefined;
    throw kernelFailed(`nft list table ${nameOf(table)}: ${stderr.trim() || `exit code ${exitCode}`}`);
  }
}

export function nameOf({ family, name }: TableName): string {
  return `${family} ${name}`;
}

/** `refused line 7, "add rule …": Error: …`. @param stderr says `/dev/stdin:7:1-20: Error: …`. */
function refusal(stderr: string, input: string): string {
  const [, place, error] = /:(\d+):\d+(?:-\d+)?: (Error: .*)/.exec(stderr) ?? [];
  if (place === undefined) return stderr.trim() || "failed";
  return `refused line ${place}, ${JSON.stringify(input.split("\n")[Number(place) - 1])}: ${error}`;
}
