import { setTimeout as sleep } from "node:timers/promises";
import { execOk, type RunningCommand, startCommand } from "../../src/host/exec.ts";
import { OTHER_CPU, type Subject, untilReady } from "./subjects.ts";

const STARTS = 3;
/** Connections that come and go before: the heap of whoever has one grows to its size. */
const WARM_MS = "2000";
/** Connections a step: what the first ones have a process allocate is not theirs alone. */
const STEP = 500;
/** Not more in all than any subject has room for. */
const STEPS = 9;
/** What was accepted last is on its way to its endpoint. */
const SETTLE_MS = 400;

/**
 * What a connection that says nothing costs a proxy in memory of its own, in bytes; the kernel's share is not in it. It is
 * the median step: a heap that is collected meanwhile gives back at once what many connections take.
 *
 * @param start begins the proxy anew.
 * @param load the generator's path.
 * @returns one figure a start, under the subject's name; nothing for a subject that does not start.
 */
export async function idleMemory(
  start: () => Promise<Subject | string>,
  load: string,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const found: number[] = [];
  let name = "";
  for (let at = 0; at < STARTS; at += 1) {
    const subject = await start();
    if (typeof subject === "string") return {};
    name = subject.name;
    try {
      found.push(await ofOneStart(subject, load));
    } finally {
      await subject.stop();
    }
  }
  return { [name]: found };
}

async function ofOneStart({ ports, memoryBytes }: Subject, load: string): Promise<number> {
  const held: RunningCommand[] = [];
  const sizes: number[] = [];
  try {
    await execOk(["taskset", "-c", OTHER_CPU, load, "generate", "close", String(ports.close), "32", "64", WARM_MS]);
    while (sizes.length < STEPS) {
      const command = startCommand(["taskset", "-c", OTHER_CPU, load, "hold", String(ports.echo), String(STEP)]);
      held.push(command);
      await untilReady(command, () => command.stdout() === "held\n");
      await sleep(SETTLE_MS);
      sizes.push(memoryBytes()!);
    }
  } finally {
    for (const command of held) await command.stop("SIGKILL");
  }
  const steps = sizes.slice(1).map((size, at) => (size - sizes[at]!) / STEP);
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)]!;
}
