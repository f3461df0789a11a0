import { readFile } from "node:fs/promises";
import { SluiceError } from "../core/errors.ts";
import { type BenchPlan, plans, readPlan } from "../lab/plans.ts";
import type { BenchArguments } from "./bench.ts";

/** The plans that have names, a line each. */
export function planLines(): string[] {
  const width = Math.max(...Object.keys(plans).map((name) => name.length));
  return Object.entries(plans).map(([name, { budgetSeconds, describe }]) => {
    return `${name.padEnd(width)}  at most ${budgetSeconds} s: ${describe}`;
  });
}

/**
 * What was entered, and below it what the plan says. A name goes before a file of that name.
 *
 * @throws {SluiceError} INPUT_UNREADABLE for a plan that is neither a name nor a file; CONFIG_INVALID.
 */
export async function withPlan(args: BenchArguments): Promise<BenchArguments> {
  if (args.plan === undefined) return args;
  const { describe: _, ...plan } = await findPlan(args.plan);
  const entered = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
  return { ...args, ...plan, ...entered };
}

async function findPlan(plan: string): Promise<BenchPlan> {
  const named = Object.entries(plans).find(([name]) => name === plan);
  if (named !== undefined) return named[1];
  const text = await readFile(plan, "utf8").catch((cause: Error) => {
    const reason = `no plan of that name (${Object.keys(plans).join(", ")}), and no file: ${cause.message}`;
    throw new SluiceError("INPUT_UNREADABLE", `--plan ${plan}: ${reason}`, { file: plan, reason }, { cause });
  });
  return readPlan(text);
}
