/** How programs of the ipvs mode go out of a kernel. */
import assert from "node:assert/strict";
import { ownChains } from "../../../src/modes/ipvs/jumps.ts";
import { parseServers } from "../../../src/modes/ipvs/parse-servers.ts";
import { parseTimeouts } from "../../../src/modes/ipvs/parse-timeouts.ts";
import { planIpvsCleanup } from "../../../src/modes/ipvs/plan-cleanup.ts";
import { node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { compiled, holding } from "./planned.ts";

const test = suite("ipvs mode: clean-up");

const everything = [
  node(),
  service({
    type: "LoadBalancer",
    ports: [
      { name: "http", protocol: "TCP", port: 80, nodePort: 30080 },
      { name: "dns", protocol: "UDP", port: 53, nodePort: 30053 },
      { name: "sctp", protocol: "SCTP", port: 90, nodePort: 30090 },
    ],
    externalIPs: ["192.0.2.10", "192.168.10.5"],
    ingress: [{ ip: "203.0.113.10" }],
  }),
  slice({ endpoints: ["10.244.2.1"] }),
];
const others = `-A -t 198.51.100.1:80 -s rr
-A -t 198.51.100.1:30080 -s rr
-A -u 192.168.10.5:5060 -s rr
-A -f 7 -s rr
`;

test("all that a program made goes: servers, then sets, then the device", () => {
  const kernel = holding(compiled(everything, { localAddresses: ["192.168.10.5"] }));
  const steps = planIpvsCleanup(kernel.state());
  const order = [...new Set(steps.map(({ kind }) => kind))];
  assert.deepEqual(order, ["delete-virtual-server", "delete-set", "delete-device"]);
  for (const step of steps) kernel.do(step);
  const { virtualServers, sets, addresses } = kernel.state();
  assert.deepEqual([virtualServers, sets, addresses], [[], [], undefined]);
  assert.deepEqual(planIpvsCleanup(kernel.state()), []);
});

test("servers and sets of others stay, but for one at a node port of ours", () => {
  const kernel = holding(compiled(everything, { localAddresses: ["192.168.10.5"] }));
  for (const server of parseServers(others)) kernel.put({ server });
  kernel.put({ set: { name: "MINE", type: "hash:ip", options: [], entries: [] } });
  for (const step of planIpvsCleanup(kernel.state())) kernel.do(step);
  const { virtualServers, sets } = kernel.state();
  const kept = others.split("\n").filter((line) => line !== "" && !line.includes(":30080"));
  assert.equal(virtualServers.length, kept.length);
  assert.deepEqual(
    sets.map(({ name }) => name),
    ["MINE"],
  );
});

test("a clean-up that was broken off anywhere is taken up again", () => {
  const whole = holding(compiled(everything, { localAddresses: ["192.168.10.5"] }));
  const steps = planIpvsCleanup(whole.state());
  for (let done = 0; done <= steps.length; done += 1) {
    const kernel = holding(compiled(everything, { localAddresses: ["192.168.10.5"] }));
    for (const step of steps.slice(0, done)) kernel.do(step);
    for (const step of planIpvsCleanup(kernel.state())) kernel.do(step);
    const { virtualServers, sets, addresses } = kernel.state();
    assert.deepEqual([virtualServers, sets, addresses], [[], [], undefined], `after ${done} steps`);
  }
});

test("the chains by which a clean-up knows ours are those that a program has", () => {
  const { tables } = compiled(everything).around!.rules;
  const own = tables.map(({ name, chains }) => [
    name,
    chains
      .filter(({ policy }) => policy === undefined)
      .map((chain) => chain.name)
      .toSorted(),
  ]);
  assert.deepEqual(Object.fromEntries(own), {
    nat: ownChains.nat.toSorted(),
    filter: ownChains.filter.toSorted(),
  });
});

test("time-outs are read as ipvsadm lists them", () => {
  assert.deepEqual(parseTimeouts("Timeout (tcp tcpfin udp): 900 120 300\n"), {
    tcpSeconds: 900,
    tcpFinSeconds: 120,
    udpSeconds: 300,
  });
  assert.equal(parseTimeouts(""), undefined);
});
