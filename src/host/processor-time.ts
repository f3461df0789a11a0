import { readdirSync, readFileSync } from "node:fs";

/** What /proc/PID/stat counts in: USER_HZ, which is 100 a second wherever Linux runs Node. */
const MS_PER_TICK = 10;
const NS_PER_MS = 1e6;

/** The number by which the system knows the thread that asks; undefined where it does not tell. */
export function ownTaskId(): number | undefined {
  const id = Number.parseInt(readProc("thread-self/stat") ?? "", 10);
  return Number.isNaN(id) ? undefined : id;
}

/**
 * How long threads of this process have run so far, in milliseconds. @param taskIds of `ownTaskId`.
 *
 * @returns undefined where the system does not tell, or one of them is gone.
 */
export function threadsMs(taskIds: readonly (number | undefined)[]): number | undefined {
  let ns = 0;
  for (const id of taskIds) {
    const text = id === undefined ? undefined : readProc(`self/task/${id}/schedstat`);
    if (text === undefined) return undefined;
    ns += Number(text.split(" ")[0]);
  }
  return ns / NS_PER_MS;
}

/**
 * How long processes of some process groups have run so far, in milliseconds, with their children that have ended and
 * were waited for; true to 10 ms.
 *
 * @param leaders of the groups, by pid. @returns undefined where the system does not tell, or none of them is there.
 */
export function groupsMs(leaders: ReadonlySet<number>): number | undefined {
  let ticks: number | undefined;
  for (const name of pids()) {
    const stat = readProc(`${name}/stat`);
    if (stat === undefined) continue;
    // Behind the name, which may hold anything: state, parent, group, … ; times are fields 14 to 17 of all.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (!leaders.has(Number(fields[2]))) continue;
    ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), ticks ?? 0);
  }
  return ticks === undefined ? undefined : ticks * MS_PER_TICK;
}

function pids(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** @returns undefined for what is not there, or not any more. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return undefined;
  }
}
