import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { renderObjects } from "../../cluster/render-objects.ts";
import type { ClusterSnapshot } from "../../cluster/state.ts";
import { systemClock } from "../../core/clock.ts";
import { isSluiceError, SluiceError } from "../../core/errors.ts";
import type { NodePlan } from "../../dataplane/dataplane.ts";
import { exec, execOk, type RunningCommand, startCommand } from "../../host/exec.ts";
import { inNetns } from "../../host/netns.ts";
import { threadFile } from "../../host/thread-file.ts";
import type { ProgramOptions } from "../../modes/compile.ts";
import { listenersOf } from "../network/kernel-subject.ts";
import { noTrouble, type ServingDataplane } from "../open-subjects.ts";

export interface KubeProxyOptions {
  /** Of the binary. */
  readonly path: string;
  /** What it is shown. */
  readonly snapshot: ClusterSnapshot;
  readonly nodeName: string;
  /** Which pods are local, and what is masqueraded; as options of mode iptables say. */
  readonly programs: ProgramOptions;
  readonly signal?: AbortSignal | undefined;
}

const SUBJECT = "kube-proxy";
/** One that is not healthy by then does not start. */
const START_MS = 30_000;
const LOOK_MS = 200;
const HEALTHZ = "127.0.0.1:10256";

/** @returns what a binary says of itself; undefined where it does not run. */
export async function kubeProxyVersion(path: string): Promise<string | undefined> {
  try {
    const { exitCode, stdout } = await exec([path, "--version"]);
    return exitCode === 0 ? stdout.trim() : undefined;
  } catch (error) {
    if (isSluiceError(error, "HOST_UNABLE")) return undefined;
    throw error;
  }
}

/**
 * A real kube-proxy in a dataplane's place: it programs the kernel of a node of ours in mode iptables, with our stand-in
 * for the API server, and is ready when it says that it is healthy, which it is once its rules are in place. The program
 * that is applied only says where its services are: the rules are its own, and go when the node goes.
 *
 * @param netns of the node.
 */
export function createKubeProxySubject(netns: string, options: KubeProxyOptions): ServingDataplane {
  const folder = mkdtempSync(join(tmpdir(), `sluice-kube-proxy-${process.pid}-`));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  process.on("exit", removeFolder);
  const running: RunningCommand[] = [];
  let plan: NodePlan | undefined;
  let engine = "";
  return {
    name: SUBJECT,
    async apply(_, given) {
      engine = await start(options, { netns, folder, running });
      plan = given;
    },
    status: () => ({ engine, placement: "", notEmulated: [], counters: noTrouble, listeners: listenersOf(plan) }),
    async close() {
      await Promise.all(running.splice(0).map((command) => command.stop("SIGTERM")));
      process.off("exit", removeFolder);
      removeFolder();
    },
  };
}

interface Surroundings {
  readonly netns: string;
  readonly folder: string;
  /** Whatever runs is added. */
  readonly running: RunningCommand[];
}

/** @returns what it is, and how long it took. */
async function start(options: KubeProxyOptions, { netns, folder, running }: Surroundings): Promise<string> {
  const { path, snapshot, signal } = options;
  const cluster = join(folder, "cluster.json");
  writeFileSync(cluster, renderObjects(snapshot, "json"));
  const api = startCommand(inNetns(netns, [process.execPath, program("serve-api"), cluster]), { ownGroup: true });
  running.push(api);
  await until(signal, api, () => Promise.resolve(api.stdout().endsWith("\n")), "the API server's stand-in");
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, kubeconfigOf(Number(api.stdout())));
  const startedMs = systemClock.nowMs();
  const proxy = startCommand(inNetns(netns, [path, ...flagsOf(kubeconfig, options)]), { ownGroup: true });
  running.push(proxy);
  await until(signal, proxy, () => isHealthy(netns), SUBJECT);
  const tookMs = Math.round(systemClock.nowMs() - startedMs);
  return `kernel: ${await kubeProxyVersion(path)}, its rules in place after ${tookMs} ms`;
}

/** Settings of the host's kernel stay as they are: they are not ours to change from a namespace. */
function flagsOf(kubeconfig: string, { nodeName, programs: { iptables = {} } }: KubeProxyOptions): string[] {
  const { detectLocal, masqueradeAll = false } = iptables;
  const pods = detectLocal?.by === "cluster-cidr" ? [`--cluster-cidr=${detectLocal.ranges.join(",")}`] : [];
  return [
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${nodeName}`,
    "--proxy-mode=iptables",
    `--masquerade-all=${masqueradeAll}`,
    ...pods,
    "--kube-api-content-type=application/json",
    `--healthz-bind-address=${HEALTHZ}`,
    "--metrics-bind-address=127.0.0.1:10249",
    "--conntrack-max-per-core=0",
    "--conntrack-tcp-timeout-established=0s",
    "--conntrack-tcp-timeout-close-wait=0s",
  ];
}

/** JSON is YAML, too. */
function kubeconfigOf(port: number): string {
  const name = "stand-in";
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
}

async function isHealthy(netns: string): Promise<boolean> {
  const said = await execOk(inNetns(netns, [process.execPath, program("ask-urls"), `http://${HEALTHZ}/healthz`]));
  return (JSON.parse(said) as { readonly status?: number }[])[0]?.status === 200;
}

/** @throws {SluiceError} DATAPLANE_FAILED when it ends before, takes too long, or is stopped. */
async function until(
  signal: AbortSignal | undefined,
  command: RunningCommand,
  isReady: () => Promise<boolean>,
  what: string,
): Promise<void> {
  const endsMs = systemClock.nowMs() + START_MS;
  while (!(await isReady())) {
    if (signal?.aborted === true) throw failed("it was stopped");
    if (command.ended) throw failed(`${what} does not start: ${lastLine(command.stderr())}`);
    if (systemClock.nowMs() > endsMs) throw failed(`${what} is not ready after ${START_MS / 1000} s`);
    await sleep(LOOK_MS);
  }
}

function failed(what: string): SluiceError<"DATAPLANE_FAILED"> {
  return new SluiceError("DATAPLANE_FAILED", what, { dataplane: SUBJECT, what });
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) || "it said nothing";
}

function program(name: string): string {
  return fileURLToPath(threadFile(import.meta.url, `../tasks/${name}`));
}
