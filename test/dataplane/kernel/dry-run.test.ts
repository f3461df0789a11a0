/** A dataplane that only tells what it would do, and one that tells what it does. */
import assert from "node:assert/strict";
import { planNode } from "../../../src/agent/plan.ts";
import type { NodePlan } from "../../../src/dataplane/dataplane.ts";
import type { KernelDataplane } from "../../../src/dataplane/kernel/kernel.ts";
import { readCounter } from "../../../src/host/nfacct.ts";
import { compileProgram } from "../../../src/modes/compile.ts";
import type { Mode, Program } from "../../../src/modes/program.ts";
import { seen } from "../../model/seen.ts";
import { node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { type Kernel, obstacle, withKernel } from "./in-kernel.ts";

const missing = await obstacle("nf_tables");
const test = suite("kernel: telling", { timeoutMs: 120_000 });
const inKernel = (name: string, body: (kernel: Kernel) => Promise<void>): void =>
  missing === undefined ? test(name, () => withKernel("nf_tables", body)) : test.skip(name, missing);

/** A service whose endpoints are these, and a UDP one that stays as it is. */
function programOf(mode: Mode, ...endpoints: readonly string[]): readonly [Program, NodePlan] {
  const ports = [{ name: "dns", protocol: "UDP", port: 53 }] as const;
  const model = seen([
    node(),
    service(),
    slice({ endpoints }),
    service({ name: "dns", clusterIP: "10.96.0.53", ports }),
    slice({ service: "dns", ports, endpoints: ["10.0.0.9"] }),
  ]);
  return [compileProgram(mode, model), planNode(model, mode)];
}

function telling({ restarted }: Kernel): { readonly dataplane: KernelDataplane; readonly told: string[] } {
  const told: string[] = [];
  return { told, dataplane: restarted({ onlyTell: ({ argv, input }) => told.push(`${argv.join(" ")}\n${input}`) }) };
}

const everything = async ({ sh }: Kernel): Promise<string> => {
  const dump = await sh("nft list ruleset; nfacct list; cat /proc/sys/net/ipv4/conf/all/route_localnet");
  return dump.replaceAll(/packets \d+ bytes \d+/g, "");
};

for (const mode of ["iptables", "nftables"] as const) {
  inKernel(`${mode}: a kernel that is only looked at stays as it is, and all that it lacks is told`, async (kernel) => {
    // To look at a table makes an empty one, with iptables on nf_tables.
    await kernel.sh("iptables-nft-save; ip6tables-nft-save; iptables-nft -t nat -S; ip6tables-nft -t nat -S");
    const before = await everything(kernel);
    const { dataplane, told } = telling(kernel);
    await dataplane.apply(...programOf(mode, "10.0.0.1"));
    assert.equal(await everything(kernel), before);
    const all = told.join("");
    assert.match(
      all,
      mode === "iptables" ? /-A KUBE-SEP-\S+ .*10\.0\.0\.1:80/ : /dnat.* 10\.0\.0\.1|10\.0\.0\.1 \. 80/,
    );
    if (mode === "iptables") assert.match(all, /^nfacct add .*^tee .*route_localnet\n1/ms);
  });

  inKernel(`${mode}: of a kernel that holds it all nothing is told, and then only what differs`, async (kernel) => {
    await kernel.dataplane.apply(...programOf(mode, "10.0.0.1"));
    const same = telling(kernel);
    await same.dataplane.apply(...programOf(mode, "10.0.0.1"));
    assert.deepEqual(same.told, []);
    const other = telling(kernel);
    await other.dataplane.apply(...programOf(mode, "10.0.0.2"));
    assert.match(other.told.join(""), /10\.0\.0\.2/);
    assert.doesNotMatch(other.told.join(""), /10\.96\.0\.53/);
  });
}

for (const mode of ["iptables", "nftables"] as const) {
  inKernel(`${mode}: a listener is told of full and partial syncs, and of stale UDP flows`, async (kernel) => {
    const synced: string[] = [];
    const reconciled: string[] = [];
    kernel.dataplane.tell({
      synced: (family, whole) => void synced.push(`${family} ${whole}`),
      reconciled: (family, durationMs, forgotten) => {
        assert.ok(durationMs >= 0);
        reconciled.push(`${family} ${forgotten}`);
      },
    });
    const stale = "-s 10.9.9.9 -d 10.96.0.53 --sport 1000 --dport 53 -r 10.0.0.8 -q 10.9.9.9";
    const reply = "--reply-port-src 53 --reply-port-dst 1000 --timeout 100";
    await kernel.sh(`conntrack -I -p udp ${stale} ${reply}`);
    await kernel.dataplane.apply(...programOf(mode, "10.0.0.1"));
    await kernel.dataplane.apply(...programOf(mode, "10.0.0.2"));
    assert.deepEqual(synced.toSorted(), ["4 false", "4 true", "6 false", "6 true"]);
    assert.deepEqual(reconciled, ["4 1"]);
  });
}

test("a counter that there is not has no value", async () => {
  assert.equal(await readCounter("sluice_no_such_counter"), undefined);
});
