import type { ClusterSnapshot } from "../cluster/state.ts";
import { configInvalid } from "../core/errors.ts";
import { lineLog } from "../core/log.ts";
import type { Frontend } from "../dataplane/dataplane.ts";
import type { EngineName } from "../dataplane/workers/choose-engine.ts";
import type { WorkersOptions } from "../dataplane/workers/options.ts";
import type { SocketAddr } from "../net/flow.ts";
import { parseSocketAddr } from "../net/parse-socket-addr.ts";
import { note, ownNode } from "./cluster-input.ts";
import type { ClusterArguments } from "./cluster-options.ts";
import { asExpected } from "./flag.ts";
import { readMappings } from "./map-endpoint.ts";
import type { ModeArguments } from "./mode-options.ts";
import type { OutputForm } from "./output-option.ts";

export interface RunArguments extends ClusterArguments, ModeArguments {
  readonly dataplane?: "workers" | "kernel" | undefined;
  /** Dataplane kernel: the file of a KubeProxyConfiguration. */
  readonly config?: string | undefined;
  readonly once?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly watch?: boolean | undefined;
  readonly workers: number | undefined;
  readonly engine?: EngineName | undefined;
  readonly bind: "loopback" | "cluster-ips" | "portals";
  readonly listen?: readonly string[] | undefined;
  readonly mapEndpoint?: readonly string[] | undefined;
  readonly transparent?: readonly string[] | undefined;
  readonly modern?: boolean | undefined;
  readonly udpIdleMs: number | undefined;
  readonly connectTimeoutMs?: number | undefined;
  readonly retries?: number | undefined;
  readonly tcpIdleMs?: number | undefined;
  readonly keepaliveSeconds?: number | undefined;
  readonly proxyProtocol?: "v1" | "v2" | undefined;
  readonly drainSeconds: number | undefined;
  readonly o: OutputForm;
}

export function workersOptions(args: RunArguments): WorkersOptions {
  return {
    // Proxy ports are at the host's own addresses.
    bind: args.bind === "portals" ? "cluster-ips" : args.bind,
    mapEndpoint: readMappings(args.mapEndpoint),
    transparent: (args.transparent ?? []).map(readTransparent),
    log: lineLog((line) => process.stderr.write(`sluice: ${line}`)),
    ...(args.modern === undefined ? {} : { modern: args.modern }),
    ...(args.engine === undefined ? {} : { engine: args.engine }),
    ...(args.workers === undefined ? {} : { workers: args.workers }),
    ...(args.udpIdleMs === undefined ? {} : { udpIdleMs: args.udpIdleMs }),
    ...(args.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: args.connectTimeoutMs }),
    ...(args.retries === undefined ? {} : { retries: args.retries }),
    ...(args.tcpIdleMs === undefined ? {} : { tcpIdleMs: args.tcpIdleMs }),
    ...(args.keepaliveSeconds === undefined ? {} : { keepaliveSeconds: args.keepaliveSeconds }),
    ...(args.proxyProtocol === undefined ? {} : { proxyProtocol: args.proxyProtocol === "v1" ? 1 : 2 }),
  };
}

function readTransparent(text: string): SocketAddr {
  const form = "ADDRESS:PORT, with an IPv6 address in brackets";
  return asExpected("--transparent", form, text, () => parseSocketAddr(text, "--transparent"));
}

/**
 * The Node as which traffic is forwarded, and what a user is to be told about the choice.
 *
 * @throws {SluiceError} CONFIG_INVALID for a guess, where the host itself is changed on its strength.
 */
export function nodeToServe(snapshot: ClusterSnapshot, args: RunArguments): { name: string; reason: string } {
  const { name, guessed, reason } = ownNode(snapshot, args);
  if (guessed && args.bind !== "loopback") {
    const [said] = reason.split(": ");
    throw configInvalid("--hostname-override", `the Node that this host is (${said}) with --bind ${args.bind}`, "none");
  }
  return { name, reason };
}

/**
 * By name of the service port. One may also name its number, `default/web:80`.
 *
 * @throws {SluiceError} CONFIG_INVALID for a service port that is named twice, and for one that is not there; while
 *   files are followed it may still come.
 */
export function resolveListen(
  args: RunArguments,
  frontends: readonly Frontend[],
): Readonly<Record<string, SocketAddr>> {
  const resolved: Record<string, SocketAddr> = {};
  for (const [given, at] of (args.listen ?? []).map(readListen)) {
    const numbered = ({ servicePort, addr }: Frontend): boolean =>
      `${servicePort.replace(/:[^:]*$/, "")}:${addr.port}` === given;
    const found = frontends.find(({ servicePort }) => servicePort === given) ?? frontends.find(numbered);
    if (found === undefined) {
      if (!args.watch) throw configInvalid("--listen", "a service port of the cluster", given);
      note(`--listen ${given}: not there yet; when it comes it is known by its name, not by its number`);
    }
    const name = found?.servicePort ?? given;
    if (Object.hasOwn(resolved, name)) throw configInvalid("--listen", "each service port once", given);
    resolved[name] = at;
  }
  return resolved;
}

function readListen(text: string): [servicePort: string, at: SocketAddr] {
  const form = "NAMESPACE/NAME:PORT=ADDRESS:PORT, with an IPv6 address in brackets";
  const equals = text.indexOf("=");
  if (equals < 1) throw configInvalid("--listen", form, text);
  const at = asExpected("--listen", form, text, () => parseSocketAddr(text.slice(equals + 1), "--listen"));
  return [text.slice(0, equals), at];
}
