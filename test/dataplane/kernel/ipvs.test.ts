/** What of the ipvs programmer shows in a kernel without IPVS: what it misses, what it looks at, what it would run. */
import assert from "node:assert/strict";
import { manualClock } from "../../../src/core/clock.ts";
import { isSluiceError } from "../../../src/core/errors.ts";
import { silentLog } from "../../../src/core/log.ts";
import type { Commands } from "../../../src/dataplane/kernel/commands.ts";
import { createDryCommands } from "../../../src/dataplane/kernel/dry-commands.ts";
import { createIpvsProgrammer } from "../../../src/dataplane/kernel/ipvs.ts";
import type { Programmer } from "../../../src/dataplane/kernel/programmer.ts";
import type { CommandResult } from "../../../src/host/exec.ts";
import { compileProgram } from "../../../src/modes/compile.ts";
import { seen } from "../../model/seen.ts";
import { node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";

const test = suite("kernel, ipvs: the host");

type Answers = Readonly<Record<string, Partial<CommandResult>>>;

/** Commands that are not run: those that are named here answer so, all others succeed without a word. */
function answering(answers: Answers, ran: string[] = []): Commands {
  const run: Commands["run"] = async (argv) => {
    ran.push(argv.join(" "));
    const found = Object.keys(answers).find((start) => argv.join(" ").startsWith(start));
    return { exitCode: 0, stdout: "", stderr: "", ...(found === undefined ? {} : answers[found]) };
  };
  return { netns: undefined, run, ok: async (argv, input) => (await run(argv, input)).stdout };
}

function programmerWith(commands: Commands): Programmer<"ipvs"> {
  return createIpvsProgrammer({
    commands,
    iptables: undefined,
    fullSyncPeriodMs: 3_600_000,
    staleChainsMs: 30_000,
    dry: false,
    listener: { synced() {}, reconciled() {} },
    clock: manualClock(),
    waitMs: () => assert.fail("it waits"),
    log: silentLog,
  });
}

const program = compileProgram("ipvs", seen([node(), service(), slice({ endpoints: ["10.0.0.1"] })]));
assert.ok(program.mode === "ipvs");
const apply = (commands: Commands): Promise<void> =>
  programmerWith(commands).apply(program, { nodeAddresses: [], frontends: [] });

test("a host without IPVS and dummy devices is told all that it lacks, and nothing is changed", async () => {
  const ran: string[] = [];
  const uninitialised = "modprobe: FATAL: Module ip_vs not found\nCan't initialize ipvs: Protocol not available\n";
  const commands = answering(
    {
      "ipvsadm -L": { exitCode: 255, stderr: uninitialised },
      "unshare --net ip link add kube-ipvs0": { exitCode: 2, stderr: "Error: Unknown device type.\n" },
    },
    ran,
  );
  await assert.rejects(apply(commands), (error) => {
    assert.ok(isSluiceError(error, "HOST_UNABLE"));
    assert.equal(
      error.details.missing,
      "of the kernel IPVS (ip_vs): Can't initialize ipvs: Protocol not available; " +
        "of the kernel devices of type dummy (dummy): Error: Unknown device type.",
    );
    return true;
  });
  assert.deepEqual(ran, ["ipvsadm -L -n", "ipset list -n", "unshare --net ip link add kube-ipvs0 type dummy"]);
});

test("a clean-up of a host where nothing is ours does not ask IPVS, which would load it", async () => {
  const ran: string[] = [];
  const takeAway = await programmerWith(answering({ "ip -json": { exitCode: 1 } }, ran)).findLeft(false);
  await takeAway();
  assert.deepEqual(ran, ["ipset save", "ip -json address show dev kube-ipvs0"]);
});

test("a clean-up removes servers before the sets that tell whose they are, and the device last", async () => {
  const changes: string[] = [];
  const sets = `create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536
add KUBE-CLUSTER-IP 10.96.0.10,tcp:80
create MINE hash:ip family inet hashsize 1024 maxelem 65536
`;
  const servers = "-A -t 10.96.0.10:80 -s rr\n-A -t 198.51.100.1:80 -s rr\n-A -f 7 -s rr\n";
  const addresses = JSON.stringify([{ addr_info: [{ local: "10.96.0.11", scope: "global" }] }]);
  const commands = answering({
    "ipset save": { stdout: sets },
    "ipvsadm -S": { stdout: servers },
    "ip -json": { stdout: addresses },
  });
  const told = ({ argv, input }: { argv: readonly string[]; input: string }): void =>
    void changes.push(`${argv.join(" ")}${input === "" ? "" : `: ${input.trim()}`}`);
  const takeAway = await programmerWith(createDryCommands(commands, told)).findLeft(false);
  await takeAway();
  assert.deepEqual(changes, [
    "ipvsadm -R: -D -t 10.96.0.10:80",
    "ipset destroy KUBE-CLUSTER-IP",
    "ip link delete kube-ipvs0",
  ]);
});

test("commands that only look are run also by who only tells, all others are told", async () => {
  const ran: string[] = [];
  const told: string[] = [];
  const dry = createDryCommands(answering({}, ran), ({ argv }) => void told.push(argv.join(" ")));
  const looks = [
    "iptables-nft-save",
    "ip6tables -S KUBE-PROXY-CANARY -t mangle",
    "nft -j list table ip kube-proxy",
    "ipvsadm -S -n",
    "ipset save",
    "ip -json address show dev kube-ipvs0",
    "conntrack -L -p udp",
    "unshare --net ip link add x type dummy",
  ];
  const changes = [
    "iptables-restore -w 5 --noflush",
    "nft -f -",
    "ipvsadm -R",
    "ipvsadm --set 1 1 1",
    "ipset restore -exist",
    "ip -force -batch -",
    "ip link add kube-ipvs0 type dummy",
    "conntrack -D -p udp",
    "tee /proc/sys/net/ipv4/ip_forward",
    "nfacct add x",
  ];
  for (const line of [...looks, ...changes]) await dry.run(line.split(" ") as [string, ...string[]]);
  await dry.run(["iptables-restore", "--noflush"], "*nat\n-C OUTPUT -j KUBE-SERVICES\nCOMMIT\n");
  assert.deepEqual(ran, [...looks, "iptables-restore --noflush"]);
  assert.deepEqual(told, changes);
});
