/** Rules that other programs leave on a host, as its dumps show them: where packets go, who they seem to come from, and why. */
import assert from "node:assert/strict";
import { assembleNode } from "../../src/explain/assemble-node.ts";
import { tracePacket } from "../../src/explain/trace-packet.ts";
import { parseIptables } from "../../src/modes/iptables/parse.ts";
import { parseSets } from "../../src/modes/ipvs/parse-sets.ts";
import { TCP, UDP } from "../../src/net/flow.ts";
import { parseSocketAddr } from "../../src/net/parse-socket-addr.ts";
import { suite } from "../support/suite.ts";
import { addresses, hostOf, outcomeText, read, routes } from "./host.ts";

const test = suite("traces through hosts of others");

const docker = hostOf("docker", {
  interfaces: addresses("lo 127.0.0.1/8", "eth0 10.0.0.5/24", "docker0 172.17.0.1/16", "br-4f2a 172.18.0.1/16"),
  routes: routes(
    "10.0.0.0/24 dev eth0",
    "172.17.0.0/16 dev docker0",
    "172.18.0.0/16 dev br-4f2a",
    "default via 10.0.0.1 dev eth0",
  ),
});

test("Docker: a published port leads to its container, containers leave masqueraded, networks are kept apart", () => {
  const { said } = docker;
  assert.equal(said("10.0.0.9", "10.0.0.5:8080"), "forward 172.17.0.2:80 from 10.0.0.9:40000 by docker0");
  assert.equal(said("10.0.0.9", "10.0.0.5:8081"), "local 10.0.0.5:8081 from 10.0.0.9:40000");
  assert.equal(said("172.17.0.2", "198.51.100.1:443"), "pass 198.51.100.1:443 from 10.0.0.5:40000 by eth0");
  assert.equal(
    said("172.18.0.7", "172.17.0.2:80"),
    "drop filter/DOCKER-ISOLATION-STAGE-2: -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP",
  );
  // From the host itself, by its own address; loopback is left alone.
  assert.equal(said("10.0.0.5", "10.0.0.5:8080"), "forward 172.17.0.2:80 from 10.0.0.5:40000 by docker0");
  assert.equal(said("127.0.0.1", "127.0.0.1:8080"), "local 127.0.0.1:8080 from 127.0.0.1:40000");
  assert.equal(said("10.0.0.9", "172.17.0.2:81"), "drop filter/FORWARD: -P FORWARD DROP");
  assert.equal(
    said("203.0.113.7", "10.0.0.5:8080"),
    "drop filter/DOCKER-USER: -A DOCKER-USER -s 203.0.113.0/24 -j DROP",
  );
});

const calico = hostOf("calico", {
  interfaces: addresses("lo 127.0.0.1/8", "eth0 10.0.0.5/24", "cali1web", "cali2db"),
  routes: routes(
    "10.0.0.0/24 dev eth0",
    "192.168.1.2/32 dev cali1web",
    "192.168.1.3/32 dev cali2db",
    "default via 10.0.0.1 dev eth0",
  ),
  sets: parseSets(read("calico.sets.txt")),
});

test("Calico: policies by sets let one pod in and drop others, pods leave masqueraded, and spoofed sources are dropped", () => {
  const { said, traced } = calico;
  assert.equal(said("192.168.1.2", "192.168.1.3:5432"), "pass 192.168.1.3:5432 from 192.168.1.2:40000 by cali2db");
  assert.match(said("192.168.1.2", "192.168.1.3:5433"), /^drop filter\/cali-tw-cali2db: .*Drop if no policies passed/);
  assert.match(said("10.0.0.9", "192.168.1.3:5432"), /^drop filter\/cali-tw-cali2db/);
  assert.equal(said("192.168.1.3", "198.51.100.1:443"), "pass 198.51.100.1:443 from 10.0.0.5:1024-65535 by eth0");
  assert.match(said("192.168.1.2", "198.51.100.1:4789", UDP), /^drop filter\/cali-fw-cali1web: .*Drop VXLAN/);
  assert.match(said("192.168.1.2", "10.0.0.5:22"), /^drop filter\/cali-wl-to-host/);
  assert.equal(said("192.168.1.2", "10.0.0.5:53", UDP), "local 10.0.0.5:53 from 192.168.1.2:40000");
  const [src, dst] = [parseSocketAddr("192.168.1.2:1", "from"), parseSocketAddr("192.168.1.3:5432", "to")];
  const { node } = assembleNode({
    addresses: [],
    iptables: [parseIptables(read("calico.rules.txt"), 4)],
    routes: routes("192.168.1.2/32 dev cali1web", "192.168.1.3/32 dev cali2db"),
    interfaces: addresses("eth0 10.0.0.5/24", "cali1web", "cali2db"),
  });
  const head = { proto: TCP, src: src.ip, srcPort: src.port, dst: dst.ip, dstPort: dst.port };
  const spoofed = tracePacket(node, head, { inInterface: "cali2db" });
  assert.match(
    spoofed.outcomes.map(outcomeText).join(),
    /^drop raw\/cali-PREROUTING: .*-m rpfilter --validmark --invert/,
  );
  assert.deepEqual(traced("192.168.1.2", "192.168.1.3:5432").harmless, []);
});

test("Calico: without its sets the policy is in doubt, and the rule is named", () => {
  const bare = hostOf("calico", {
    interfaces: addresses("eth0 10.0.0.5/24", "cali1web", "cali2db"),
    routes: routes("192.168.1.2/32 dev cali1web", "192.168.1.3/32 dev cali2db", "default via 10.0.0.1 dev eth0"),
  });
  const { outcomes } = bare.traced("192.168.1.2", "192.168.1.3:5432");
  assert.equal(outcomes[0]!.verdict, "undecided");
  assert.match(JSON.stringify(outcomes[0]!.doubt), /the set cali40s:web was not given/);
});

const flannel = hostOf("flannel", {
  interfaces: addresses("eth0 10.0.0.5/24", "cni0 10.244.1.1/24", "flannel.1 10.244.1.0/32"),
  routes: routes(
    "10.0.0.0/24 dev eth0",
    "10.244.1.0/24 dev cni0",
    "10.244.2.0/24 via 10.244.2.0 dev flannel.1",
    "default via 10.0.0.1 dev eth0",
  ),
});

test("Flannel: pods reach pods as they are, the world masqueraded by random ports, and strangers come in masqueraded", () => {
  const { said } = flannel;
  assert.equal(said("10.244.1.7", "10.244.2.8:80"), "pass 10.244.2.8:80 from 10.244.1.7:40000 by flannel.1");
  assert.equal(said("10.244.1.7", "198.51.100.1:443"), "pass 198.51.100.1:443 from 10.0.0.5:1024-65535 by eth0");
  assert.equal(said("10.0.0.9", "10.244.1.7:80"), "pass 10.244.1.7:80 from 10.0.0.9:40000 by cni0");
  assert.equal(said("10.0.0.9", "10.244.2.8:80"), "pass 10.244.2.8:80 from 10.244.1.0:1024-65535 by flannel.1");
  assert.equal(said("10.0.0.9", "10.0.1.7:80"), "drop filter/FORWARD: -P FORWARD DROP");
});

const cilium = hostOf("cilium", {
  interfaces: addresses("lo 127.0.0.1/8", "eth0 192.0.2.5/24", "cilium_host 10.0.1.99/32", "lxc1a", "cilium_net"),
  routes: routes(
    "192.0.2.0/24 dev eth0",
    "10.0.1.7/32 dev lxc1a",
    "10.0.0.0/16 dev cilium_host",
    "default via 192.0.2.1 dev eth0",
  ),
  sets: parseSets("create cilium_node_set_v4 hash:ip\nadd cilium_node_set_v4 192.0.2.6\n"),
});

test("Cilium's leftovers: pods leave masqueraded, other nodes see them as they are, and the socket match harms nobody", () => {
  const { said, traced } = cilium;
  // Answers to pods come in by eth0, and the policy of FORWARD drops what no rule of Cilium's lets through.
  const unanswered = "by eth0, answer: drop";
  assert.equal(said("10.0.1.7", "198.51.100.1:443"), `pass 198.51.100.1:443 from 192.0.2.5:40000 ${unanswered}`);
  assert.equal(said("10.0.1.7", "192.0.2.6:443"), `pass 192.0.2.6:443 from 10.0.1.7:40000 ${unanswered}`);
  assert.equal(said("192.0.2.5", "10.0.2.8:80"), "pass 10.0.2.8:80 from 10.0.1.99:40000 by cilium_host");
  assert.equal(said("192.0.2.9", "198.51.100.1:80"), "drop filter/FORWARD: -P FORWARD DROP");
  const [unread] = traced("10.0.1.7", "198.51.100.1:443").harmless;
  assert.match(unread!.rule, /-m socket --transparent/);
});

const kindnet = hostOf("kindnet", {
  interfaces: addresses("lo 127.0.0.1/8", "eth0 172.18.0.3/16", "veth1 10.244.0.1/32"),
  routes: routes(
    "172.18.0.0/16 dev eth0",
    "10.244.0.7/32 dev veth1",
    "10.244.1.0/24 via 172.18.0.4 dev eth0",
    "default via 172.18.0.1 dev eth0",
  ),
});

test("kindnet: pods keep their address in the cluster and lose it outside; Docker's resolver answers at the gateway", () => {
  const { said } = kindnet;
  assert.equal(said("10.244.0.7", "10.244.1.9:80"), "pass 10.244.1.9:80 from 10.244.0.7:40000 by eth0");
  assert.equal(said("10.244.0.7", "198.51.100.1:80"), "pass 198.51.100.1:80 from 172.18.0.3:40000 by eth0");
  assert.equal(said("172.18.0.3", "172.18.0.1:53", UDP), "local 127.0.0.11:48229 from 172.18.0.3:40000");
  assert.equal(said("10.244.0.7", "172.18.0.1:53", UDP), "local 127.0.0.11:48229 from 10.244.0.7:40000");
  assert.equal(said("172.18.0.3", "172.18.0.1:54", UDP), "pass 172.18.0.1:54 from 172.18.0.3:40000 by eth0");
});

const portmap = hostOf("portmap", {
  interfaces: addresses("lo 127.0.0.1/8", "eth0 10.0.0.5/24", "veth1 10.244.1.1/32"),
  routes: routes("10.0.0.0/24 dev eth0", "10.244.1.0/24 dev veth1", "default via 10.0.0.1 dev eth0"),
});

test("portmap and ptp: a host port leads to its pod, from outside as it is, from loopback and the pod's network masqueraded", () => {
  const { said } = portmap;
  assert.equal(said("10.0.0.9", "10.0.0.5:8080"), "forward 10.244.1.7:80 from 10.0.0.9:40000 by veth1");
  assert.equal(said("127.0.0.1", "127.0.0.1:8080"), "forward 10.244.1.7:80 from 10.244.1.1:40000 by veth1");
  assert.equal(said("10.244.1.7", "10.0.0.5:8080"), "forward 10.244.1.7:80 from 10.244.1.1:40000 by veth1");
  assert.equal(said("10.0.0.9", "10.0.0.5:8443"), "local 10.0.0.5:8443 from 10.0.0.9:40000");
  assert.equal(said("10.244.1.7", "198.51.100.1:80"), "pass 198.51.100.1:80 from 10.0.0.5:40000 by eth0");
});
