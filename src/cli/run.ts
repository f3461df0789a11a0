import { createAgent } from "../agent/agent.ts";
import { planNode } from "../agent/plan.ts";
import { watchCluster } from "../cluster/watch.ts";
import { configInvalid } from "../core/errors.ts";
import { lineLog } from "../core/log.ts";
import type { Frontend } from "../dataplane/dataplane.ts";
import type { WorkersOptions } from "../dataplane/workers/options.ts";
import { createWorkersDataplane, type WorkersDataplane } from "../dataplane/workers/workers.ts";
import { buildModel } from "../model/build.ts";
import type { SocketAddr } from "../net/flow.ts";
import { parseSocketAddr } from "../net/parse-socket-addr.ts";
import { type ClusterArguments, exampleCluster, loadNoted, note, ownNodeNoted } from "./cluster-options.ts";
import { listenersJson, listenersTable } from "./listeners.ts";
import { type ModeArguments, programOptions } from "./mode-options.ts";

export interface RunArguments extends ClusterArguments, ModeArguments {
  readonly watch: boolean;
  readonly workers: number | undefined;
  readonly bind: "loopback" | "cluster-ips";
  readonly listen?: readonly string[] | undefined;
  readonly mapEndpoint?: readonly string[] | undefined;
  readonly modern: boolean;
  readonly udpIdleMs: number | undefined;
  readonly drainSeconds: number | undefined;
  readonly o: "table" | "json";
}

const DRAIN_SECONDS = 30;

/** Forwards until SIGTERM or SIGINT; then stops listening and lets connections end. A second signal ends them at once. */
export async function run(args: RunArguments): Promise<void> {
  if (args.watch && args.f?.includes("-"))
    throw configInvalid("--watch", "files or folders, which can be followed", "-");
  const snapshot = await loadNoted(args);
  const nodeName = ownNodeNoted(snapshot, args);
  const listen = resolveListen(args, planNode(buildModel(snapshot, nodeName), args.mode).frontends);
  const dataplane = createWorkersDataplane({ ...workersOptions(args), listen });
  const stopped = stopSignal();
  try {
    const agent = createAgent({ mode: args.mode, programOptions: programOptions(args), nodeName, dataplane });
    await agent.sync(snapshot);
    show(dataplane, args);
    const watching = args.watch
      ? watchCluster(args.f ?? [exampleCluster], {
          current: snapshot,
          onChange: (changed) =>
            void agent.sync(changed).then(
              () => show(dataplane, args),
              (error: Error) => note(`not applied, the state before stays in force: ${error.message}`),
            ),
          onError: (error) => note(`not loaded, the state before stays in force: ${error.message}`),
        })
      : undefined;
    await stopped;
    watching?.close();
    await drain(dataplane, args.drainSeconds ?? DRAIN_SECONDS);
  } finally {
    await dataplane.close();
  }
}

function show(dataplane: WorkersDataplane, { o }: RunArguments): void {
  const status = dataplane.status();
  process.stdout.write(o === "json" ? listenersJson(status) : listenersTable(status));
}

async function drain(dataplane: WorkersDataplane, seconds: number): Promise<void> {
  note(`draining: no new connections; open ones have ${seconds} s to end`);
  const hurry = stopSignal().then(() => dataplane.close());
  const reset = await Promise.race([dataplane.drain(seconds * 1000), hurry]);
  if (typeof reset === "number" && reset > 0) note(`${reset} connections were still open and were reset`);
}

const stopSignals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      for (const signal of stopSignals) process.off(signal, stop);
      resolve();
    };
    for (const signal of stopSignals) process.on(signal, stop);
  });
}

function workersOptions(args: RunArguments): WorkersOptions {
  return {
    bind: args.bind,
    modern: args.modern,
    mapEndpoint: (args.mapEndpoint ?? []).map(readMapping),
    log: lineLog((line) => process.stderr.write(`sluice: ${line}`)),
    ...(args.workers === undefined ? {} : { workers: args.workers }),
    ...(args.udpIdleMs === undefined ? {} : { udpIdleMs: args.udpIdleMs }),
  };
}

/**
 * By name of the service port. One may also name its number, `default/web:80`.
 *
 * @throws {SluiceError} CONFIG_INVALID for a service port that is named twice, and for one that is not there; while
 *   files are followed it may still come.
 */
function resolveListen(args: RunArguments, frontends: readonly Frontend[]): Readonly<Record<string, SocketAddr>> {
  const resolved: Record<string, SocketAddr> = {};
  for (const [given, at] of (args.listen ?? []).map(readListen)) {
    const numbered = ({ servicePort, addr }: Frontend): boolean =>
      `${servicePort.replace(/:[^:]*$/, "")}:${addr.port}` === given;
    const found = frontends.find(({ servicePort }) => servicePort === given) ?? frontends.find(numbered);
    if (found === undefined && !args.watch) throw configInvalid("--listen", "a service port of the cluster", given);
    const name = found?.servicePort ?? given;
    if (Object.hasOwn(resolved, name)) throw configInvalid("--listen", "each service port once", given);
    resolved[name] = at;
  }
  return resolved;
}

function readListen(text: string): [servicePort: string, at: SocketAddr] {
  const equals = text.indexOf("=");
  if (equals < 1) throw configInvalid("--listen", "NAMESPACE/NAME:PORT=ADDRESS:PORT", text);
  return [text.slice(0, equals), parseSocketAddr(text.slice(equals + 1), "--listen")];
}

function readMapping(text: string): { from: string; to: string } {
  const equals = text.indexOf("=");
  if (equals < 1) throw configInvalid("--map-endpoint", "IP[:PORT]=ADDRESS[:PORT]", text);
  const mapping = { from: text.slice(0, equals), to: text.slice(equals + 1) };
  for (const side of Object.values(mapping)) parseSocketAddr(side, "--map-endpoint", 0);
  return mapping;
}
