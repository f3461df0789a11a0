import { isServiceChain } from "./names.ts";
import type { Command, Transaction } from "./transaction.ts";

/**
 * With every anonymous set of a transaction the kernel walks all sets of the table, and all that the transaction did
 * before. The walks over sets stay; with so many rules a transaction the others are short.
 */
const RULES_AT_ONCE = 1000;

/**
 * Cuts the transaction that makes a table into several: in all but the last one, chains of service ports are filled to
 * which nothing leads yet, so the table comes into force with the last, all at once. 10,000 services of 5 endpoints take
 * a fifth of the kernel's time so.
 *
 * @param making of a table that the kernel does not have; another one comes back whole.
 */
export function inParts(making: Transaction, rulesAtOnce: number = RULES_AT_ONCE): readonly Transaction[] {
  const early = making.commands.filter(fillsService);
  if (making.commands[0]?.kind !== "add-table" || early.length <= rulesAtOnce) return [making];
  const declares = making.commands.filter(({ kind }) => declarations.has(kind));
  const rest = making.commands.filter((command) => !declarations.has(command.kind) && !fillsService(command));
  const chunks = Array.from({ length: Math.ceil(early.length / rulesAtOnce) }, (_, i) =>
    early.slice(i * rulesAtOnce, (i + 1) * rulesAtOnce),
  );
  return [declares, ...chunks, rest].map((commands) => ({ table: making.table, commands }));
}

/** What needs nothing but the table. */
const declarations: ReadonlySet<Command["kind"]> = new Set<Command["kind"]>([
  "add-table",
  "delete-table",
  "add-object",
  "add-set",
  "add-chain",
]);

function fillsService(command: Command): boolean {
  return command.kind === "add-rule" && isServiceChain(command.chain);
}
