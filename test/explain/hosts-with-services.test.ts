/**
 * kube-proxy beside a CNI plugin, as on nodes: pod to service, outside to node port and host port, pod to world. Each
 * answer is derived by hand from the rules, in the comment before it.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { NodeParts } from "../../src/explain/assemble-node.ts";
import { parseSets } from "../../src/modes/ipvs/parse-sets.ts";
import { UDP } from "../../src/net/flow.ts";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";
import { addresses, type Host, hostWith, read, routes } from "./host.ts";

const test = suite("services on hosts of others");

/** The two endpoints of the one service, and whose source kube-proxy keeps. */
interface Service {
  readonly here: string;
  readonly there: string;
  readonly cluster: string;
}

/** The rules of two dumps in one, those of the first in front. */
function merged(first: string, second: string): string {
  const tables = new Map<string, { readonly chains: Set<string>; readonly rules: string[] }>();
  let table = "";
  for (const line of `${first}\n${second}`.split("\n")) {
    if (line.startsWith("*")) table = line;
    if (!tables.has(table)) tables.set(table, { chains: new Set(), rules: [] });
    const { chains, rules } = tables.get(table)!;
    // The policy is that of the plugin, which is the stricter one where they differ.
    if (line.startsWith(":")) chains.add(line);
    if (line.startsWith("-A ")) rules.push(line);
  }
  const distinct = (chains: Set<string>): readonly string[] => {
    const drops = new Set([...chains].filter((line) => line.includes(" DROP ")).map((line) => line.split(" ")[0]));
    return [...chains].filter((line) => line.includes(" DROP ") || !drops.has(line.split(" ")[0]));
  };
  return [...tables]
    .filter(([name]) => name !== "")
    .map(([name, { chains, rules }]) => [name, ...distinct(chains), ...rules, "COMMIT", ""].join("\n"))
    .join("");
}

function nodeOf(
  name: string,
  { here, there, cluster }: Service,
  parts: Partial<NodeParts>,
  inFront: "plugin" | "services",
): Host {
  const services = read("services.rules.txt")
    .replaceAll("<here>", here)
    .replaceAll("<there>", there)
    .replaceAll("<cluster>", cluster);
  const plugin = read(`${name}.rules.txt`);
  return hostWith(inFront === "plugin" ? merged(plugin, services) : merged(services, plugin), parts);
}

const nodePort = "30080";

const calico = nodeOf(
  "calico",
  { here: "192.168.1.2", there: "192.168.2.9", cluster: "192.168.0.0/16" },
  {
    interfaces: addresses("lo 127.0.0.1/8", "eth0 10.0.0.5/24", "cali1web", "cali2db"),
    routes: routes(
      "10.0.0.0/24 dev eth0",
      "192.168.1.2/32 dev cali1web",
      "192.168.1.3/32 dev cali2db",
      "192.168.2.0/24 via 10.0.0.6 dev eth0",
      "default via 10.0.0.1 dev eth0",
    ),
    sets: parseSets(read("calico.sets.txt")),
  },
  "plugin",
);

test("Calico beside kube-proxy", () => {
  // The source passes the reverse path: 192.168.1.3 is behind cali2db. It is in the cluster's range, so nobody marks it
  // for kube-proxy; cali-fw-cali2db marks it accepted (0x10000), as does cali-tw-cali1web, and FORWARD accepts the mark.
  // Both pools have the destination, so cali-nat-outgoing leaves the source alone.
  assert.equal(
    calico.said("192.168.1.3", "10.96.0.10:80"),
    "1/2 forward 192.168.1.2:8080 from 192.168.1.3:40000 by cali1web; " +
      "1/2 forward 192.168.2.9:8080 from 192.168.1.3:40000 by eth0",
  );
  // KUBE-EXT marks it (0x4000), and no rule of Calico's clears that bit. cali1web has no address of its own, so the
  // kernel takes the first of another interface that is no loopback: eth0's. Random ports, by --random-fully.
  assert.equal(
    calico.said("10.0.0.9", `10.0.0.5:${nodePort}`),
    "1/2 forward 192.168.1.2:8080 from 10.0.0.5:1024-65535 by cali1web; " +
      "1/2 forward 192.168.2.9:8080 from 10.0.0.5:1024-65535 by eth0",
  );
  // Out of the pools: cali-nat-outgoing.
  assert.equal(
    calico.said("192.168.1.3", "198.51.100.1:443"),
    "pass 198.51.100.1:443 from 10.0.0.5:1024-65535 by eth0",
  );
  // To itself: KUBE-SEP marks it, and it comes back from the node. To the other, as it is.
  assert.equal(
    calico.said("192.168.1.2", "10.96.0.10:80"),
    "1/2 forward 192.168.1.2:8080 from 10.0.0.5:1024-65535 by cali1web; " +
      "1/2 forward 192.168.2.9:8080 from 192.168.1.2:40000 by eth0",
  );
});

const flannel = nodeOf(
  "flannel",
  { here: "10.244.1.7", there: "10.244.2.8", cluster: "10.244.0.0/16" },
  {
    interfaces: addresses("lo 127.0.0.1/8", "eth0 10.0.0.5/24", "cni0 10.244.1.1/24", "flannel.1 10.244.1.0/32"),
    routes: routes(
      "10.0.0.0/24 dev eth0",
      "10.244.1.0/24 dev cni0",
      "10.244.2.0/24 via 10.244.2.0 dev flannel.1",
      "default via 10.0.0.1 dev eth0",
    ),
  },
  "services",
);

test("Flannel beside kube-proxy", () => {
  // FLANNEL-FWD accepts what comes from 10.244.0.0/16; FLANNEL-POSTRTG returns for this node's pods to any pod.
  assert.equal(
    flannel.said("10.244.1.9", "10.96.0.10:80"),
    "1/2 forward 10.244.1.7:8080 from 10.244.1.9:40000 by cni0; " +
      "1/2 forward 10.244.2.8:8080 from 10.244.1.9:40000 by flannel.1",
  );
  // KUBE-FORWARD accepts the mark; KUBE-POSTROUTING stands before Flannel's chain, with each interface's own address.
  assert.equal(
    flannel.said("10.0.0.9", `10.0.0.5:${nodePort}`),
    "1/2 forward 10.244.1.7:8080 from 10.244.1.1:1024-65535 by cni0; " +
      "1/2 forward 10.244.2.8:8080 from 10.244.1.0:1024-65535 by flannel.1",
  );
  // From the pods' range to what is no multicast: masqueraded.
  assert.equal(
    flannel.said("10.244.1.9", "198.51.100.1:53", UDP),
    "pass 198.51.100.1:53 from 10.0.0.5:1024-65535 by eth0",
  );
  // A stranger asks for the cluster IP by way of this node: marked, as it is outside of the cluster's range.
  assert.equal(
    flannel.said("10.0.0.9", "10.96.0.10:80"),
    "1/2 forward 10.244.1.7:8080 from 10.244.1.1:1024-65535 by cni0; " +
      "1/2 forward 10.244.2.8:8080 from 10.244.1.0:1024-65535 by flannel.1",
  );
});

const cilium = nodeOf(
  "cilium",
  { here: "10.0.1.7", there: "10.0.2.8", cluster: "10.0.0.0/16" },
  {
    interfaces: addresses("lo 127.0.0.1/8", "eth0 192.0.2.5/24", "cilium_host 10.0.1.99/32", "lxc1a", "lxc2b"),
    routes: routes(
      "192.0.2.0/24 dev eth0",
      "10.0.1.7/32 dev lxc1a",
      "10.0.1.8/32 dev lxc2b",
      "10.0.0.0/16 dev cilium_host",
      "default via 192.0.2.1 dev eth0",
    ),
    sets: parseSets("create cilium_node_set_v4 hash:ip\nadd cilium_node_set_v4 192.0.2.6\n"),
  },
  "services",
);

test("Cilium's leftovers beside kube-proxy", () => {
  // CILIUM_FORWARD accepts what comes in by lxc+, and answers by lxc+ or cilium_host. Whether a transparent socket has
  // the packet (-m socket) only changes a mark that nobody on this way looks at.
  assert.equal(
    cilium.said("10.0.1.8", "10.96.0.10:80"),
    "1/2 forward 10.0.1.7:8080 from 10.0.1.8:40000 by lxc1a; " +
      "1/2 forward 10.0.2.8:8080 from 10.0.1.8:40000 by cilium_host",
  );
  assert.equal(cilium.traced("10.0.1.8", "10.96.0.10:80").harmless.length, 1);
  // KUBE-FORWARD accepts the mark. lxc1a has no address: eth0's; cilium_host has one.
  assert.equal(
    cilium.said("192.0.2.9", `192.0.2.5:${nodePort}`),
    "1/2 forward 10.0.1.7:8080 from 192.0.2.5:1024-65535 by lxc1a; " +
      "1/2 forward 10.0.2.8:8080 from 10.0.1.99:1024-65535 by cilium_host",
  );
  // Out of 10.0.0.0/16: masqueraded, with the port kept. Now KUBE-FORWARD lets the answer in.
  assert.equal(cilium.said("10.0.1.8", "198.51.100.1:443"), "pass 198.51.100.1:443 from 192.0.2.5:40000 by eth0");
});

const kindnet = nodeOf(
  "kindnet",
  { here: "10.244.0.7", there: "10.244.1.9", cluster: "10.244.0.0/16" },
  {
    interfaces: addresses("lo 127.0.0.1/8", "eth0 172.18.0.3/16", "veth1 10.244.0.1/32", "veth2 10.244.0.1/32"),
    routes: routes(
      "172.18.0.0/16 dev eth0",
      "10.244.0.7/32 dev veth1",
      "10.244.0.8/32 dev veth2",
      "10.244.1.0/24 via 172.18.0.4 dev eth0",
      "default via 172.18.0.1 dev eth0",
    ),
  },
  "services",
);

test("kindnet beside kube-proxy", () => {
  // KIND-MASQ-AGENT returns for 10.244.0.0/16, wherever the endpoint is.
  assert.equal(
    kindnet.said("10.244.0.8", "10.96.0.10:80"),
    "1/2 forward 10.244.0.7:8080 from 10.244.0.8:40000 by veth1; " +
      "1/2 forward 10.244.1.9:8080 from 10.244.0.8:40000 by eth0",
  );
  // ptp gives each veth the gateway's address.
  assert.equal(
    kindnet.said("172.18.0.9", `172.18.0.3:${nodePort}`),
    "1/2 forward 10.244.0.7:8080 from 10.244.0.1:1024-65535 by veth1; " +
      "1/2 forward 10.244.1.9:8080 from 172.18.0.3:1024-65535 by eth0",
  );
  // Not local, not of the pods' range: masqueraded, with the port kept.
  assert.equal(kindnet.said("10.244.0.8", "198.51.100.1:443"), "pass 198.51.100.1:443 from 172.18.0.3:40000 by eth0");
  // DNS of the host: Docker's resolver, whose DNAT stands behind KUBE-SERVICES, which has no such service.
  assert.equal(kindnet.said("10.244.0.8", "172.18.0.1:53", UDP), "local 127.0.0.11:48229 from 10.244.0.8:40000");
});

const portmap = nodeOf(
  "portmap",
  { here: "10.244.1.7", there: "10.244.2.8", cluster: "10.244.0.0/16" },
  {
    interfaces: addresses("lo 127.0.0.1/8", "eth0 10.0.0.5/24", "veth1 10.244.1.1/32", "veth2 10.244.1.1/32"),
    routes: routes(
      "10.0.0.0/24 dev eth0",
      "10.244.1.7/32 dev veth1",
      "10.244.1.8/32 dev veth2",
      "10.244.2.0/24 via 10.0.0.6 dev eth0",
      "default via 10.0.0.1 dev eth0",
    ),
  },
  "services",
);

test("portmap and ptp beside kube-proxy", () => {
  // Only 10.244.1.7 has a chain of ptp's, so the other pod keeps its address.
  assert.equal(
    portmap.said("10.244.1.8", "10.96.0.10:80"),
    "1/2 forward 10.244.1.7:8080 from 10.244.1.8:40000 by veth1; " +
      "1/2 forward 10.244.2.8:8080 from 10.244.1.8:40000 by eth0",
  );
  // The one with the chain: to itself marked by KUBE-SEP; to a pod of another node ptp masquerades it, as 10.244.2.8 is
  // not of its own 10.244.1.0/24, with the port kept.
  assert.equal(
    portmap.said("10.244.1.7", "10.96.0.10:80"),
    "1/2 forward 10.244.1.7:8080 from 10.244.1.1:1024-65535 by veth1; " +
      "1/2 forward 10.244.2.8:8080 from 10.0.0.5:40000 by eth0",
  );
  assert.equal(
    portmap.said("10.0.0.9", `10.0.0.5:${nodePort}`),
    "1/2 forward 10.244.1.7:8080 from 10.244.1.1:1024-65535 by veth1; " +
      "1/2 forward 10.244.2.8:8080 from 10.0.0.5:1024-65535 by eth0",
  );
  // A host port comes behind kube-proxy's chain, which has no such node port.
  assert.equal(portmap.said("10.0.0.9", "10.0.0.5:8080"), "forward 10.244.1.7:80 from 10.0.0.9:40000 by veth1");
  assert.equal(portmap.said("10.244.1.7", "198.51.100.1:443"), "pass 198.51.100.1:443 from 10.0.0.5:40000 by eth0");
});

const docker = nodeOf(
  "docker",
  { here: "172.17.0.2", there: "172.20.2.8", cluster: "172.17.0.0/16" },
  {
    interfaces: addresses("lo 127.0.0.1/8", "eth0 10.0.0.5/24", "docker0 172.17.0.1/16", "br-4f2a 172.18.0.1/16"),
    routes: routes(
      "10.0.0.0/24 dev eth0",
      "172.17.0.0/16 dev docker0",
      "172.18.0.0/16 dev br-4f2a",
      "default via 10.0.0.1 dev eth0",
    ),
  },
  "services",
);

test("Docker beside kube-proxy", () => {
  // On docker0 from docker0: the last of Docker's rules accepts it, and nobody masquerades. Out by eth0 Docker does, with
  // the port kept.
  assert.equal(
    docker.said("172.17.0.3", "10.96.0.10:80"),
    "1/2 forward 172.17.0.2:8080 from 172.17.0.3:40000 by docker0; " +
      "1/2 forward 172.20.2.8:8080 from 10.0.0.5:40000 by eth0",
  );
  // KUBE-FORWARD accepts the mark before any of Docker's rules, though port 8080 is not published.
  assert.equal(
    docker.said("10.0.0.9", `10.0.0.5:${nodePort}`),
    "1/2 forward 172.17.0.2:8080 from 172.17.0.1:1024-65535 by docker0; " +
      "1/2 forward 172.20.2.8:8080 from 10.0.0.5:1024-65535 by eth0",
  );
  assert.equal(docker.said("10.0.0.9", "10.0.0.5:8080"), "forward 172.17.0.2:80 from 10.0.0.9:40000 by docker0");
  assert.equal(docker.said("172.17.0.3", "198.51.100.1:443"), "pass 198.51.100.1:443 from 10.0.0.5:40000 by eth0");
});

const recorded = hostWith(
  readFileSync(inProject("test", "modes", "iptables", "dumps", "others.iptables-save.txt"), "utf8"),
  {
    interfaces: addresses(
      "lo 127.0.0.1/8",
      "eth0 192.168.1.5/24",
      "docker0 172.17.0.1/16",
      "cni0 10.22.0.1/16",
      "cni1 10.244.1.1/24",
      "cni-podman0 10.88.0.1/16",
    ),
    routes: routes(
      "192.168.1.0/24 dev eth0",
      "172.17.0.0/16 dev docker0",
      "10.22.0.0/16 dev cni0",
      "10.244.1.0/24 dev cni1",
      "10.88.0.0/16 dev cni-podman0",
      "default via 192.168.1.1 dev eth0",
    ),
  },
);

test("all of them on one host, as recorded", () => {
  const { said, traced } = recorded;
  // 8080 is published by Docker, whose jump stands before portmap's; 8443 is in portmap's list, and its chain has no
  // rule. KIND-MASQ-AGENT masquerades whatever does not go to 10.244.0.0/16, so Docker's too.
  assert.equal(said("192.168.1.9", "192.168.1.5:8080"), "forward 172.17.0.2:80 from 172.17.0.1:40000 by docker0");
  assert.equal(said("192.168.1.9", "192.168.1.5:8443"), "local 192.168.1.5:8443 from 192.168.1.9:40000");
  assert.equal(said("192.168.1.9", "192.168.1.5:53", UDP), "forward 172.17.0.3:53 from 172.17.0.1:40000 by docker0");
  // From docker0 itself Docker's chain returns; then portmap's chain has the port. Docker masquerades what leaves docker0.
  assert.equal(said("172.17.0.9", "192.168.1.5:8080"), "forward 10.22.0.5:80 from 10.22.0.1:40000 by cni0");
  // Of Flannel's pods: random ports. Of podman's: KIND-MASQ-AGENT stands before podman's own chain, port kept.
  assert.equal(said("10.244.1.7", "198.51.100.1:443"), "pass 198.51.100.1:443 from 192.168.1.5:1024-65535 by eth0");
  assert.equal(said("10.88.0.5", "198.51.100.1:443"), "pass 198.51.100.1:443 from 192.168.1.5:40000 by eth0");
  // A banned client of sshd; any other gets to it.
  assert.match(said("203.0.113.7", "192.168.1.5:22"), /^reject filter\/f2b-sshd/);
  assert.equal(said("192.168.1.9", "192.168.1.5:22"), "local 192.168.1.5:22 from 192.168.1.9:40000");
  // What the -m socket rule marks is looked at by nobody on these ways.
  assert.equal(traced("10.244.1.7", "198.51.100.1:443").harmless.length, 1);
  // Who asks the cloud for its metadata decides: the table `security` drops all but root.
  const [metadata] = traced("192.168.1.5", "169.254.169.254:80").outcomes;
  assert.equal(metadata!.verdict, "undecided");
  assert.match(metadata!.by, /^security\/OUTPUT: which process sent the packet/);
  assert.deepEqual(
    [metadata!.ways!.holds, metadata!.ways!.fails].map(([way]) => way!.verdict),
    ["drop", "pass"],
  );
});
