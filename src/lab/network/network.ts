import { isSluiceError, SluiceError } from "../../core/errors.ts";
import { execOk } from "../../host/exec.ts";
import { createNetns, inNetns, type Netns } from "../../host/netns.ts";
import { FLOW_RANGE } from "../../measure/load/udp-lane.ts";
import { type Ip, parseIp } from "../../net/ip.ts";
import { links } from "./links.ts";

/**
 * A network of namespaces: a client and pods, with any number of nodes side by side between them. Each node is one subject's
 * own, so that nobody's rules stand in another one's way; all have the same client, the same pods and as long a way.
 */
export interface Network {
  /** Network namespaces, by name. */
  readonly client: string;
  readonly pods: string;
  addNode(): Promise<NetworkNode>;
  /** Takes away all of it. Safe to call twice. */
  close(): Promise<void>;
}

/** A node between client and pods: it forwards, and has no rules. */
export interface NetworkNode {
  /** Its network namespace, by name. */
  readonly netns: string;
  /** Where the client reaches the node itself. */
  readonly address: Ip;
  /** From now on the client sends everything by way of this node, and answers come back by way of it. */
  enter(): Promise<void>;
}

const clientSettings = [
  // A client that connects all the time has no port left after seconds, if each rests for a minute.
  "net.ipv4.tcp_tw_reuse=1",
  "net.ipv4.ip_local_port_range=1024 65535",
];
const nodeSettings = ["net.ipv4.ip_forward=1", "net.ipv4.ip_local_port_range=1024 65535", "net.ipv4.tcp_tw_reuse=1"];
/** Answers may come from where no route leads back. */
const settings = ["net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"];
/** Seconds after which a flow that is quiet is forgotten, or there would be no room for so many. */
const conntrackSettings = ["net.netfilter.nf_conntrack_udp_timeout=1"];

/**
 * Makes a network without nodes.
 *
 * @param name what all its namespaces begin with.
 * @param podAddresses IPv4, in text: where pods are reached.
 * @throws {SluiceError} HOST_UNABLE, saying what this host lacks.
 */
export async function openNetwork(name: string, podAddresses: readonly string[]): Promise<Network> {
  const opened: Netns[] = [];
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one.close();
  };
  const add = async (part: string, ...sysctls: readonly string[]): Promise<string> => {
    const netns = await createNetns(`${name}-${part}`);
    opened.push(netns);
    await set(netns.name, [...settings, ...sysctls]);
    await batch(netns.name, ["link set lo up"]);
    return netns.name;
  };
  try {
    const client = await add("client", ...clientSettings);
    const pods = await add("pods");
    await batch(client, [`route add local ${FLOW_RANGE} dev lo`]);
    await batch(
      pods,
      podAddresses.map((address) => `addr add ${address}/32 dev lo`),
    );
    let nodes = 0;
    let entered: number | undefined;
    return {
      client,
      pods,
      close,
      async addNode() {
        const number = nodes++;
        const link = links(number);
        const netns = await add(`node${number}`, ...nodeSettings);
        await connect(netns, client, pods, link);
        await set(netns, conntrackSettings);
        return {
          netns,
          address: parseIp(link.client.node),
          async enter() {
            if (entered === number) return;
            await batch(client, [`route replace default via ${link.client.node} dev ${link.client.device}`]);
            await batch(pods, [`route replace ${FLOW_RANGE} via ${link.pods.node}`]);
            entered = number;
          },
        };
      },
    };
  } catch (error) {
    await close();
    throw asUnable(error);
  }
}

/** Puts a link of its own to the client and one to the pods in a node. */
async function connect(node: string, client: string, pods: string, link: ReturnType<typeof links>): Promise<void> {
  for (const [place, { device, node: near, far }] of [
    [client, link.client],
    [pods, link.pods],
  ] as const) {
    await batch(node, [`link add ${device} type veth peer name ${device} netns ${place}`]);
    await batch(place, [`addr add ${far}/30 dev ${device}`, `link set ${device} up`]);
    await batch(node, [`addr add ${near}/30 dev ${device}`, `link set ${device} up`]);
  }
  await batch(node, [`route add default via ${link.pods.far}`, `route add ${FLOW_RANGE} via ${link.client.far}`]);
  await batch(pods, [`route add ${link.client.range} via ${link.pods.node}`]);
}

async function batch(netns: string, lines: readonly string[]): Promise<void> {
  await execOk(["ip", "-n", netns, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** One that the kernel does not have is passed over. */
async function set(netns: string, sysctls: readonly string[]): Promise<void> {
  await execOk(inNetns(netns, ["sysctl", "-eqw", ...sysctls]));
}

function asUnable(error: unknown): unknown {
  if (!isSluiceError(error, "COMMAND_FAILED")) return error;
  const missing = `network namespaces of our own (${error.message})`;
  return new SluiceError("HOST_UNABLE", missing, { missing }, { cause: error });
}
