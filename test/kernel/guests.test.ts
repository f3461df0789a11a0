/** The mode ipvs in kernels that have IPVS: guests boot, and each finds out what it is asked for. */
import { guestObstacle, type GuestRun, runInGuest } from "../support/guest.ts";
import { sample } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import type { Guest } from "./guest.ts";
import { programsInGuest } from "./programs-in-guest.ts";
import { sluiceInGuest } from "./run-in-guest.ts";

async function run({ program, modules, timeoutMs }: Guest): Promise<GuestRun | string> {
  const missing = guestObstacle();
  if (missing !== undefined) return missing;
  const ran = await runInGuest(program, modules, timeoutMs);
  return ran.booted ? ran : `the guest does not boot: ${ran.console.trim().slice(-300)}`;
}

const guests = sample([programsInGuest, sluiceInGuest], 1);
const runs = await Promise.all(guests.map(run));
// Only now: a suite runs as soon as the file waits for something.
for (const [at, { name: title, tests }] of guests.entries()) {
  const test = suite(title);
  const ran = runs[at]!;
  for (const { name, body } of tests) {
    if (typeof ran === "string") test.skip(name, ran);
    else test(name, () => body(ran));
  }
}
