import type { KubeProxyConfiguration } from "../agent/config/config.ts";
import { durationMs } from "../agent/config/go-duration.ts";
import { configNotes } from "../agent/config/notes.ts";
import { loadConfig } from "../agent/config/read.ts";
import { isDefault } from "../agent/config/unhonoured.ts";
import { type ProxyOptions, startProxy } from "../agent/proxy.ts";
import type { LoadedCluster } from "../cluster/load.ts";
import type { ClusterSnapshot } from "../cluster/state.ts";
import { watchCluster } from "../cluster/watch.ts";
import { configInvalid } from "../core/errors.ts";
import { lineLog } from "../core/log.ts";
import { ownAddresses } from "../host/own-addresses.ts";
import { ownPackage } from "../host/own-package.ts";
import { exampleCluster, note, noteIfNoService } from "./cluster-input.ts";
import { nodeToServe, type RunArguments } from "./run-options.ts";

/** A run whose syncs, health and metrics are as a configuration says. */
export interface ConfiguredRun {
  /** Rejects when this host turns out to be unable. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/** @throws {SluiceError} CONFIG_INVALID for a mode that has no portals, with --bind portals; INPUT_INVALID, INPUT_UNREADABLE. */
export async function loadWorkersConfig(file: string, { bind }: RunArguments): Promise<KubeProxyConfiguration> {
  const config = await loadConfig(file);
  if (bind === "portals" && config.mode !== "userspace") {
    throw configInvalid("--config", "mode userspace with --bind portals", config.mode);
  }
  for (const line of configNotes(config, { kernel: bind === "portals" })) note(line);
  return config;
}

/** The same as flags: what a flag says and the file does not is kept. */
export function withConfig(args: RunArguments, config: KubeProxyConfiguration): RunArguments {
  const { mode, hostnameOverride, udpIdleTimeout } = config;
  const idles = mode === "userspace" && !isDefault(config, "udpIdleTimeout");
  return {
    ...args,
    mode,
    hostnameOverride: args.hostnameOverride ?? (hostnameOverride || undefined),
    udpIdleMs: args.udpIdleMs ?? (idles ? Math.max(1, Math.round(durationMs(udpIdleTimeout))) : undefined),
  };
}

interface Configured {
  readonly config: KubeProxyConfiguration;
  readonly loaded: LoadedCluster;
  readonly nodeName: string;
  readonly dataplane: ProxyOptions["dataplane"];
  /** Called with every state that is loaded, before it is brought into force. */
  onSnapshot(snapshot: ClusterSnapshot): void;
  /** Called whenever a new state is in force, of the input or of this host. */
  onApplied(): void;
}

/**
 * Brings the input into force, and again as the configuration's periods say; with `--watch` follows it.
 *
 * @returns once it is in force for the first time.
 * @throws {SluiceError} HOST_UNABLE.
 */
export async function runConfigured(args: RunArguments, configured: Configured): Promise<ConfiguredRun> {
  const { config, loaded, nodeName, dataplane, onSnapshot, onApplied } = configured;
  let inForce!: () => void;
  const first = new Promise<void>((resolve) => (inForce = resolve));
  let shown: { readonly snapshot: ClusterSnapshot; readonly plan: string } | undefined;
  const proxy = await startProxy({
    config,
    dataplane,
    version: ownPackage().version,
    log: lineLog((line) => process.stderr.write(`sluice: ${line}`)),
    hostAddresses: args.bind === "portals" ? ownAddresses : undefined,
    onSynced({ snapshot, plan }) {
      // Most syncs only look whether all is well.
      const now = { snapshot, plan: JSON.stringify(plan) };
      if (now.snapshot !== shown?.snapshot || now.plan !== shown.plan) onApplied();
      shown = now;
      inForce();
    },
  });
  proxy.want(loaded.snapshot, nodeName);
  const watch = args.watch === true ? follow(args, loaded, onChange) : undefined;
  const close = async (): Promise<void> => {
    watch?.close();
    await proxy.close();
  };
  function onChange(snapshot: ClusterSnapshot): void {
    noteIfNoService(snapshot);
    onSnapshot(snapshot);
    proxy.want(snapshot, nodeToServe(snapshot, args).name);
  }
  try {
    await Promise.race([first, proxy.failed]);
  } catch (error) {
    await close();
    throw error;
  }
  return { failed: proxy.failed, close };
}

function follow(
  args: RunArguments,
  current: LoadedCluster,
  onChange: (snapshot: ClusterSnapshot) => void,
): { close(): void } {
  return watchCluster(args.f ?? [exampleCluster], {
    current,
    onChange(snapshot) {
      try {
        onChange(snapshot);
      } catch (error) {
        note(`not applied, the state before stays in force: ${(error as Error).message}`);
      }
    },
    onError: (error) => note(`not loaded, the state before stays in force: ${error.message}`),
    onRecovery: () => note("loaded again: the input is good"),
  });
}
