import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isSluiceError, SluiceError } from "../../core/errors.ts";
import type { NodePlan } from "../../dataplane/dataplane.ts";
import type { ListenerStatus } from "../../dataplane/workers/status.ts";
import { exec, type RunningCommand, startCommand } from "../../host/exec.ts";
import { inNetns } from "../../host/netns.ts";
import { groupsMs } from "../../host/processor-time.ts";
import type { Program } from "../../modes/program.ts";
import { formatSocketAddr, type Protocol, type SocketAddr, UDP } from "../../net/flow.ts";
import type { NetworkNode } from "../network/network.ts";
import { noTrouble, type ServingDataplane, type ServingStatus } from "../open-subjects.ts";
import { freeAddress, isListening } from "./listening.ts";
import { type Peer, peers, type PeerName, type PeerService } from "./peer.ts";

/** A peer that does not listen by then does not start. */
const START_MS = 10_000;
const LOOK_MS = 10;
/** In a node, where nobody else listens. */
const FIRST_PORT = 20_000;

/** @returns what the peer says of itself; undefined where it cannot be had. */
export async function peerVersion(name: PeerName): Promise<string | undefined> {
  try {
    const { exitCode, stdout, stderr } = await exec(peers[name].version);
    const lines = `${stdout}\n${stderr}`.split("\n").map((line) => line.trim());
    return exitCode === 0 ? lines.find((line) => /\d\.\d/.test(line)) : undefined;
  } catch (error) {
    if (isSluiceError(error, "HOST_UNABLE")) return undefined;
    throw error;
  }
}

/**
 * Another program in a dataplane's place: it forwards cluster IPs of a program of mode ipvs, each from a port of
 * loopback, or of a node's address. Processes end with `close`, at the latest with ours: Ctrl-C is for us to answer, not
 * for them.
 *
 * @param servicePorts that it is to serve.
 * @param node whose namespace it runs in. Undefined: in ours.
 */
export function createPeerDataplane(
  name: PeerName,
  servicePorts: readonly string[],
  threads: number,
  node?: NetworkNode,
): Omit<ServingDataplane, "status"> & { status(): ServingStatus } {
  const peer: Peer = peers[name];
  const folder = mkdtempSync(join(tmpdir(), "sluice-peer-"));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  process.on("exit", removeFolder);
  let running: readonly RunningCommand[] = [];
  let listeners: readonly ListenerStatus[] = [];

  const stop = async (): Promise<void> => {
    await Promise.all(running.map((command) => command.stop("SIGTERM")));
    running = [];
  };
  return {
    name,
    async apply(program, plan) {
      await stop();
      const served = await servicesOf(name, program, plan, { servicePorts, node });
      const services = served.map(({ service }) => service);
      const path = join(folder, "peer.conf");
      const { config, commands } = peer.start(services, path, threads);
      if (config !== undefined) writeFileSync(path, config);
      const start = async (): Promise<void> => {
        running = commands.map((argv) => startCommand(inNetns(node?.netns, argv), { ownGroup: true }));
        await untilListening(name, running, services);
      };
      // Before it has a group of its own a Ctrl-C reaches it, too, which was not meant for it.
      await start().catch(async (error: unknown) => {
        if (!(await someoneKilled(running))) throw error;
        await stop();
        await start();
      });
      listeners = served.map(({ service, frontend }) => ({
        frontend,
        at: service.at,
        workers: [],
        reason: undefined,
      }));
    },
    processorMs: () => groupsMs(new Set(running.flatMap(({ pid }) => pid ?? []))),
    status: () => ({ engine: name, listeners, placement: "", notEmulated: [], counters: noTrouble }),
    async close() {
      await stop();
      process.off("exit", removeFolder);
      removeFolder();
    },
  };
}

interface Served {
  readonly service: PeerService;
  readonly frontend: NodePlan["frontends"][number];
}

async function servicesOf(
  name: PeerName,
  program: Program,
  { frontends }: NodePlan,
  { servicePorts, node }: { readonly servicePorts: readonly string[]; readonly node: NetworkNode | undefined },
): Promise<readonly Served[]> {
  if (program.mode !== "ipvs") throw new TypeError(`a program of mode ${program.mode}`);
  const { udp }: Peer = peers[name];
  const servers = new Map(
    program.tables.flatMap(({ virtualServers }) =>
      virtualServers.map((one) => [`${one.proto} ${formatSocketAddr(one.addr)}`, one.servers] as const),
    ),
  );
  const wanted = frontends.filter(
    ({ kind, servicePort, proto }) =>
      kind === "cluster-ip" && servicePorts.includes(servicePort) && (udp || proto !== UDP),
  );
  return Promise.all(
    wanted.map(async (frontend, index) => {
      const found = servers.get(`${frontend.proto} ${formatSocketAddr(frontend.addr)}`) ?? [];
      if (found.length === 0) throw failed(name, `${frontend.servicePort} has no endpoint`);
      const at =
        node === undefined ? await freeAddress(frontend.proto) : { ip: node.address, port: FIRST_PORT + index };
      const service = { name: `s${index}`, proto: frontend.proto, at, servers: found.map(({ addr }) => addr) };
      return { service, frontend };
    }),
  );
}

async function untilListening(
  name: PeerName,
  commands: readonly RunningCommand[],
  services: readonly PeerService[],
): Promise<void> {
  const listens = ({ proto, at }: PeerService): boolean => commands.some(({ pid }) => isListeningBy(pid, proto, at));
  for (let waitedMs = 0; !services.every(listens); waitedMs += LOOK_MS) {
    const ended = commands.find((command) => command.ended);
    if (ended !== undefined || waitedMs >= START_MS) {
      throw failed(name, `does not start: ${(ended ?? commands[0])?.stderr().trim() ?? "nothing to serve"}`);
    }
    await sleep(LOOK_MS);
  }
}

/** @param pid undefined: of one that could not be started; one that has ended has no namespace any more. */
function isListeningBy(pid: number | undefined, proto: Protocol, at: SocketAddr): boolean {
  try {
    return pid !== undefined && isListening(proto, at, pid);
  } catch {
    return false;
  }
}

/** Whether one has ended, and by a signal. */
async function someoneKilled(commands: readonly RunningCommand[]): Promise<boolean> {
  const codes = await Promise.all(commands.filter(({ ended }) => ended).map((command) => command.stop()));
  return codes.includes(null);
}

function failed(name: PeerName, what: string): SluiceError<"DATAPLANE_FAILED"> {
  return new SluiceError("DATAPLANE_FAILED", `${name}: ${what}`, { dataplane: name, what });
}
