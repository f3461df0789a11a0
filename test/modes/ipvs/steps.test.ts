import assert from "node:assert/strict";
import { planIpvs } from "../../../src/modes/ipvs/plan.ts";
import { nodeCommands } from "../../../src/modes/ipvs/render-node.ts";
import { renderSteps } from "../../../src/modes/ipvs/render-steps.ts";
import { node } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { compiled, holding, web } from "./planned.ts";
import { SimulatedKernel } from "./simulated-kernel.ts";

const test = suite("ipvs mode: steps as commands");

test("commands are one for many lines of a tool, and say what is harmless when they run again", () => {
  const commands = renderSteps(planIpvs(web([1, 2]), new SimulatedKernel().state()).steps);
  assert.deepEqual(
    commands.map(({ argv, unless }) => [argv.join(" "), unless !== undefined]),
    [
      ["sysctl -q -p -", false],
      ["ip link add kube-ipvs0 type dummy", false],
      ["ipset restore -exist", false],
      ["ipvsadm -R", false],
      ["ip -force -batch -", false],
      ["iptables-restore --noflush", false],
      ["iptables-restore --noflush", true],
      ["iptables-restore --noflush", true],
    ],
  );
  const [sysctls, , sets, servers, addresses, , jumps] = commands;
  assert.ok(sysctls!.input.startsWith("net/ipv4/vs/conntrack = 1\n"));
  assert.equal(sets!.input.split("\n").filter((line) => line.startsWith("create ")).length, 17);
  assert.equal(
    servers!.input,
    `-A -t 10.96.0.10:80 -s rr
-a -t 10.96.0.10:80 -r 10.244.2.1:8080 -m -w 1
-a -t 10.96.0.10:80 -r 10.244.2.2:8080 -m -w 1
`,
  );
  assert.ok(servers!.harmless.includes("Service already exists"));
  assert.equal(addresses!.input, "address replace 10.96.0.10/32 dev kube-ipvs0\n");
  assert.ok(jumps!.input.includes('\n-I OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES\n'));
  assert.equal(jumps!.unless, jumps!.input.replaceAll("\n-I ", "\n-C "));
});

test("removals are words of ipvsadm, ip and ipset", () => {
  const kernel = holding(web([1, 2], { scheduler: "lc" }));
  const [loopBack] = web([1]).around!.sets;
  kernel.put({ set: { ...loopBack!, name: "TEMP-LOOP-BACK" } });
  const editing = renderSteps(planIpvs(web([1], { udpTimeoutSeconds: 9 }), kernel.state()).steps);
  assert.deepEqual(
    editing.map(({ argv, input }) => [argv.join(" "), input]),
    [
      ["ipvsadm --set 0 0 9", ""],
      ["ipset destroy TEMP-LOOP-BACK", ""],
      ["ipvsadm -R", "-E -t 10.96.0.10:80 -s rr\n-d -t 10.96.0.10:80 -r 10.244.2.2:8080\n"],
    ],
  );
  const emptied = renderSteps(planIpvs(compiled([node()]), kernel.state()).steps);
  assert.ok(emptied.some(({ input }) => input === "-D -t 10.96.0.10:80\n"));
  assert.ok(emptied.some(({ input }) => input === "address delete 10.96.0.10/32 dev kube-ipvs0\n"));
});

test("a node is made ready for the text of a whole program by commands that any kernel takes", () => {
  const { around } = web([1], { strictARP: true, tcpTimeoutSeconds: 600 });
  assert.deepEqual(
    nodeCommands(around!).map((argv) => argv.join(" ")),
    [
      "sysctl -q -w net/ipv4/vs/conntrack=1",
      "sysctl -q -w net/ipv4/vs/expire_nodest_conn=1",
      "sysctl -q -w net/ipv4/vs/expire_quiescent_template=1",
      "sysctl -q -w net/ipv4/ip_forward=1",
      "sysctl -q -w net/ipv4/conf/all/arp_ignore=1",
      "sysctl -q -w net/ipv4/conf/all/arp_announce=2",
      "ipvsadm --set 600 0 0",
      "ip link add kube-ipvs0 type dummy",
    ],
  );
  assert.equal(nodeCommands(web([1]).around!).length, 5);
});
