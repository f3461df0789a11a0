/** The recorded behaviours as tests: real packets between namespaces, by rules that we programmed. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { createKernelDataplane } from "../../../../src/dataplane/kernel/kernel.ts";
import { execOk } from "../../../../src/host/exec.ts";
import { runs } from "../../../support/seed.ts";
import { suite } from "../../../support/suite.ts";
import { obstacle } from "../in-kernel.ts";
import { assertSeen, backendByClient, count, run, summary } from "./checks.ts";
import type { Job } from "./job.ts";
import { type Network, openNetwork } from "./network.ts";
import { type Behaviour, behaviours, type Check, programOf, type RecordedMode } from "./recorded.ts";

/** A behaviour, on a network whose node has none of its rules yet. */
type Body = (on: Network, mode: RecordedMode) => Promise<void>;

/** Declares the behaviours in one mode: each meets what clients met behind a real kube-proxy. */
export async function declareBehaviours(mode: RecordedMode): Promise<void> {
  const missing = await obstacle("nf_tables");
  const network = missing === undefined ? await openNetwork(`sluice-traffic-${process.pid}`) : undefined;
  const test = suite(`kernel: recorded traffic, ${mode}`, { timeoutMs: 120_000, sampled: 4 });
  test.after(async () => network?.close());
  for (const { name } of behaviours) {
    const body = overTime[name] ?? ((on) => playChecks(on, mode, name));
    if (network === undefined) test.skip(name, missing!);
    else test(name, () => body(network, mode));
  }
}

function behaviour(name: string): Behaviour {
  return behaviours.find((one) => one.name === name)!;
}

/** Runs a body while a behaviour's rules are in force, and takes them away with the flows that they made. */
async function programmed(
  { node }: Network,
  name: string,
  mode: RecordedMode,
  body: (applyStep: (step: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const dataplane = createKernelDataplane({ netns: node });
  await dataplane.apply(...programOf(name, mode));
  try {
    await body((step) => dataplane.apply(...programOf(name, mode, step)));
  } finally {
    await dataplane.cleanup({ all: true });
    await dataplane.close();
    await execOk(["ip", "netns", "exec", node, "conntrack", "-F"]);
  }
}

function playChecks(on: Network, mode: RecordedMode, name: string): Promise<void> {
  const { checks } = behaviour(name);
  return programmed(on, name, mode, async () => {
    for (const check of checks) {
      if (check.target !== undefined) assertSeen(check, mode, checks, await run(on, check, mode));
    }
  });
}

/** Behaviours that only make sense over time, or by a limit of the kernel's. */
const overTime: Readonly<Record<string, Body>> = {
  "12-affinity": (on, mode) =>
    programmed(on, "12-affinity", mode, async () => {
      const { checks } = behaviour("12-affinity");
      const [clusterIp, nodePort, afterIdle, oneAddress, pod] = checks;
      // Each client's connections right behind each other: within the timeout, whatever else the machine does.
      const each = (client: string): readonly string[] => Array.from({ length: runs(8, 3) }, () => client);
      const locals = Array.from({ length: 40 }, (_, i) => `192.168.10.${100 + i}`).flatMap(each);
      const oneByOne = { attempts: locals.length, concurrency: 1, locals };
      const first = backendByClient(await run(on, clusterIp!, mode, oneByOne));
      assert.deepEqual([first.size, new Set(first.values()).size > 1], [40, true]);
      const three = { attempts: 3, concurrency: 1, locals: [...first.keys()].slice(0, 3) };
      const atClusterIp = backendByClient(await run(on, clusterIp!, mode, three));
      assert.deepEqual(backendByClient(await run(on, nodePort!, mode, three)), atClusterIp);
      await sleep(5000);
      const later = backendByClient(await run(on, afterIdle!, mode, { attempts: 40, concurrency: 1 }));
      assert.notDeepEqual(later, first);
      for (const check of [oneAddress!, pod!]) backendByClient(await run(on, check, mode, { concurrency: 1 }));
    }),

  // A connection every 2 s keeps an affinity of 3 s alive.
  "13-affinity-refresh": (on, mode) =>
    programmed(on, "13-affinity-refresh", mode, async () => {
      const [check] = behaviour("13-affinity-refresh").checks;
      const locals = ["192.168.10.100"];
      const attempts = await run(on, check!, mode, { attempts: 8, concurrency: 1, gapMs: 2000, locals });
      assert.equal(backendByClient(attempts).size, 1);
    }),

  // A socket that was rejected gets through with the first endpoint.
  "19-udp-endpoint-appears": (on, mode) =>
    programmed(on, "19-udp-endpoint-appears", mode, async (applyStep) => {
      const [check] = behaviour("19-udp-endpoint-appears").checks;
      const streaming = run(on, check!, mode, { op: "stream", attempts: 100, gapMs: 50 });
      await sleep(500);
      await applyStep("01-pod-a");
      const answers = await streaming;
      assert.ok(answers.length > 0 && answers.length < 100, `${answers.length} answers`);
      assert.deepEqual(Object.keys(count(answers, "id")), ["pod-a"]);
    }),

  // An open connection stays where it is, new ones go elsewhere.
  "21-tcp-endpoint-removed": (on, mode) =>
    programmed(on, "21-tcp-endpoint-removed", mode, async (applyStep) => {
      const [held, fresh] = behaviour("21-tcp-endpoint-removed").checks;
      const one = { attempts: 1, concurrency: 1 };
      const seen = await run(on, held!, mode, { ...one, op: "hold" });
      assert.deepEqual(seen, [{ id: "pod-a", src: "10.244.1.1" }]);
      await applyStep("01-pod-b");
      assert.deepEqual(await run(on, held!, mode, { ...one, op: "held" }), [{ id: "pod-a", echo: "second" }]);
      assertSeen(fresh!, mode, [fresh!], await run(on, fresh!, mode));
    }),

  // Where the kernel limits its refusals, some clients wait in vain: each address has a bucket of six, and one more a second.
  "35-reject-rate-limit": (on, mode) =>
    programmed(on, "35-reject-rate-limit", mode, async () => {
      const set = (...settings: readonly string[]): Promise<string> =>
        execOk(["ip", "netns", "exec", on.node, "sysctl", "-qw", ...settings]);
      const [oneAddress, manyAddresses] = behaviour("35-reject-rate-limit").checks;
      const all = { concurrency: 20, timeoutMs: 2500 };
      const refusals = async (check: Check, changes: Partial<Job>): Promise<number> => {
        const attempts = await run(on, check, mode, { ...all, ...changes });
        const { ECONNREFUSED = 0, timeout = 0 } = count(attempts, "error");
        assert.equal(ECONNREFUSED + timeout, 20, summary(attempts));
        return ECONNREFUSED;
      };
      assert.equal(await refusals(oneAddress!, {}), 20);
      // Redirects to the node's gateway, which is in the clients' segment, would empty the same bucket.
      await set("net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.eth0.send_redirects=0");
      // It is full six seconds after the last refusal.
      await sleep(6100);
      await set("net.ipv4.icmp_ratelimit=1000");
      try {
        const beganMs = performance.now();
        const refused = await refusals(oneAddress!, {});
        const seconds = (performance.now() - beganMs) / 1000;
        // Six at once, and one more with each second. The recorded client met 9, with redirects in between.
        assert.ok(refused >= 6 && refused <= 7 + seconds, `${refused} of 20 in ${seconds} s`);
        const others = Array.from({ length: 20 }, (_, i) => `192.168.10.${101 + i}`);
        assert.equal(await refusals(manyAddresses!, { locals: others }), 20);
      } finally {
        await set("net.ipv4.icmp_ratelimit=0");
      }
    }),
};
