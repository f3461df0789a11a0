/** `sluice run` on a host whose commands fail: it says so, tries again, and the rules of before stay in force. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCommand } from "../../src/host/exec.ts";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";
import { writeManyServices } from "./many-services.ts";
import { modeOf, obstacleTo, onNode, type ProgrammedNode, programmers, type Programmer } from "./programmed-node.ts";
import { killAll, programKernel } from "./running-sluice.ts";

const obstacles = await Promise.all(programmers.map(obstacleTo));
const test = suite("sluice run: a kernel that refuses", { timeoutMs: 180_000, sampled: 1 });
test.after(killAll);

function check(
  title: string,
  of: readonly Programmer[],
  body: (node: ProgrammedNode, programmer: Programmer) => Promise<void>,
): void {
  for (const programmer of of) {
    const missing = obstacles[programmers.indexOf(programmer)];
    if (missing === undefined)
      test(`${programmer}: ${title}`, () => onNode(programmer, (node) => body(node, programmer)));
    else test.skip(`${programmer}: ${title}`, missing);
  }
}

const argsFor = (programmer: Programmer, file: string): readonly string[] =>
  `--mode ${modeOf(programmer)} --hostname-override node-a -f ${file}`.split(" ");

/** Rules in force, then a change that fails as long as a file is there, then none. */
async function failsAndConverges(
  node: ProgrammedNode,
  programmer: Programmer,
  said: RegExp,
  fault: { begin(): Promise<void>; end(): Promise<void> },
): Promise<void> {
  const file = writeManyServices(node.folder, "cluster.json", { services: 2, endpoints: 2 });
  const running = programKernel(["--watch", ...argsFor(programmer, file)], node.through);
  await running.said(/^sluice: in force$/);
  const before = await node.dump();
  await fault.begin();
  writeManyServices(node.folder, "cluster.json", { services: 3, endpoints: 2 });
  assert.match(await running.said(/not in force/), said);
  assert.equal(await node.dump(), before);
  await fault.end();
  await running.said(/^sluice: in force$/);
  const after = await node.dump();
  assert.notEqual(after, before);
  assert.equal((await running.stop()).exitCode, 0);
  // Nothing is left to do.
  assert.equal(
    (await sluice(["run", "--dataplane", "kernel", "--once", ...argsFor(programmer, file)], "", node.through)).exitCode,
    0,
  );
  assert.equal(await node.dump(), after);
}

/** Stands in for the host's command: fails while the file is there. */
function failing(node: ProgrammedNode, command: string, when = ""): { begin(): Promise<void>; end(): Promise<void> } {
  const flag = join(node.folder, "broken");
  const fail = "cat > /dev/null; echo 'no memory for it' >&2; exit 1";
  node.replace(command, `if [ -e ${flag} ]${when}; then ${fail}; fi\nexec $REAL "$@"`);
  return {
    begin: () => Promise.resolve(writeFileSync(flag, "")),
    end: () => Promise.resolve(rmSync(flag)),
  };
}

check("a restore command that fails", ["iptables"], (node, programmer) =>
  failsAndConverges(
    node,
    programmer,
    /iptables-restore \(IPv4\): no memory for it; next attempt in 1 s/,
    failing(node, "iptables-restore"),
  ),
);

check("nft that fails", ["nftables"], (node, programmer) =>
  failsAndConverges(
    node,
    programmer,
    /nft \(ip kube-proxy\) no memory for it; next/,
    failing(node, "nft", ' && [ "$1" = -f ]'),
  ),
);

check("a lock that another program holds for longer than a command waits", ["iptables-legacy"], (node, programmer) => {
  const lock = join(node.folder, "xtables.lock");
  let holder: ReturnType<typeof startCommand> | undefined;
  return failsAndConverges(
    node,
    programmer,
    /iptables-restore \(IPv4\): (?:Can't lock|Another app is currently holding the xtables lock)/,
    {
      async begin() {
        holder = startCommand(["flock", lock, "sh", "-c", "echo held; exec sleep 60"]);
        while (holder.stdout() === "" && !holder.ended) await new Promise((resolve) => setTimeout(resolve, 5));
      },
      end: async () => void (await holder!.stop("SIGKILL")),
    },
  );
});

check(
  "--once tries three times, then exits 4; what it could not do it leaves as it was",
  ["iptables"],
  async (node, programmer) => {
    const fault = failing(node, "iptables-restore");
    const file = writeManyServices(node.folder, "cluster.json", { services: 2, endpoints: 2 });
    const args = ["run", "--dataplane", "kernel", "--once", ...argsFor(programmer, file)];
    assert.equal((await sluice(args, "", node.through)).exitCode, 0);
    const before = await node.dump();
    await fault.begin();
    writeManyServices(node.folder, "cluster.json", { services: 3, endpoints: 2 });
    const { exitCode, stderr } = await sluice(args, "", node.through);
    assert.equal(exitCode, 4, stderr);
    assert.equal(stderr.match(/iptables-restore \(IPv4\): no memory for it/g)?.length, 3, stderr);
    assert.equal(await node.dump(), before);
  },
);
