import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { renderObjects } from "../../cluster/render-objects.ts";
import type { ClusterSnapshot } from "../../cluster/state.ts";
import { systemClock } from "../../core/clock.ts";
import { isSluiceError } from "../../core/errors.ts";
import { exec, execNow, execOk, type RunningCommand, startCommand } from "../../host/exec.ts";
import { createNetns, inNetns } from "../../host/netns.ts";
import { threadFile } from "../../host/thread-file.ts";
import type { Unmeasured } from "../../measure/result.ts";

export interface KubeProxyOptions {
  /** Of the binary. */
  readonly path: string;
  readonly snapshot: ClusterSnapshot;
  readonly nodeName: string;
  readonly signal?: AbortSignal | undefined;
}

const SUBJECT = "kube-proxy";
/** One that is not healthy by then does not start. */
const START_MS = 30_000;
const LOOK_MS = 200;
const HEALTHZ = "127.0.0.1:10256";

/**
 * Starts a kube-proxy in a network namespace of its own, with our stand-in for the API server, and waits until it says
 * that it is healthy, which it is once its rules are in place; then it ends, and the namespace with it.
 *
 * @returns a row of the document: why it could not be had, or how long it took.
 */
export async function tryKubeProxy(options: KubeProxyOptions): Promise<Unmeasured> {
  const { path } = options;
  const version = await versionOf(path);
  if (version === undefined) return row(`${path} does not run`);
  if (process.getuid?.() !== 0) return row("a network namespace of its own needs root");
  const netns = `sluice-kube-proxy-${process.pid}`;
  const folder = mkdtempSync(join(tmpdir(), `${netns}-`));
  const running: RunningCommand[] = [];
  // Whoever does not wait for us leaves nothing behind, either.
  const leave = (): void => {
    rmSync(folder, { recursive: true, force: true });
    execNow(["ip", "netns", "delete", netns]);
  };
  process.on("exit", leave);
  try {
    const space = await createNetns(netns);
    try {
      return row(await run(options, { netns, folder, running, version }));
    } finally {
      await Promise.all(running.map((command) => command.stop("SIGTERM")));
      await space.close();
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return row(error.message);
  } finally {
    process.off("exit", leave);
    rmSync(folder, { recursive: true, force: true });
  }
}

function row(reason: string): Unmeasured {
  return { subject: SUBJECT, reason };
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { exitCode, stdout } = await exec([path, "--version"]);
    return exitCode === 0 ? stdout.trim() : undefined;
  } catch (error) {
    if (isSluiceError(error, "HOST_UNABLE")) return undefined;
    throw error;
  }
}

interface Place {
  readonly netns: string;
  readonly folder: string;
  readonly running: RunningCommand[];
  readonly version: string;
}

/** @returns what became of it. */
async function run({ path, snapshot, nodeName, signal }: KubeProxyOptions, place: Place): Promise<string> {
  const { netns, folder, running, version } = place;
  await execOk(inNetns(netns, ["ip", "link", "set", "lo", "up"]));
  const cluster = join(folder, "cluster.json");
  writeFileSync(cluster, renderObjects(snapshot, "json"));
  const api = startCommand(inNetns(netns, [process.execPath, program("serve-api"), cluster]), { ownGroup: true });
  running.push(api);
  await until(signal, api, () => Promise.resolve(api.stdout().endsWith("\n")), "the API server's stand-in");
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, kubeconfigOf(Number(api.stdout())));
  const startedMs = systemClock.nowMs();
  const proxy = startCommand(inNetns(netns, [path, ...flagsOf(kubeconfig, nodeName)]), { ownGroup: true });
  running.push(proxy);
  await until(signal, proxy, () => isHealthy(netns), SUBJECT);
  const tookMs = Math.round(systemClock.nowMs() - startedMs);
  return `${version} had its rules in place after ${tookMs} ms, and connections through its namespace are not measured`;
}

/** Settings of the host's kernel stay as they are: they are not ours to change from a namespace. */
function flagsOf(kubeconfig: string, nodeName: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${nodeName}`,
    "--proxy-mode=iptables",
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

/** @throws what is wrong, when it ends before, takes too long, or is stopped. */
async function until(
  signal: AbortSignal | undefined,
  command: RunningCommand,
  isReady: () => Promise<boolean>,
  what: string,
): Promise<void> {
  const endsMs = systemClock.nowMs() + START_MS;
  while (!(await isReady())) {
    if (signal?.aborted === true) throw new Error("it was stopped");
    if (command.ended) throw new Error(`${what} does not start: ${lastLine(command.stderr())}`);
    if (systemClock.nowMs() > endsMs) throw new Error(`${what} is not ready after ${START_MS / 1000} s`);
    await sleep(LOOK_MS);
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) || "it said nothing";
}

function program(name: string): string {
  return fileURLToPath(threadFile(import.meta.url, `../tasks/${name}`));
}
