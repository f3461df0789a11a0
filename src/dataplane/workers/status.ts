import type { SocketAddr } from "../../net/flow.ts";
import type { Frontend } from "../dataplane.ts";
import type { EngineName } from "./choose-engine.ts";
import type { InForce } from "./switcher.ts";
import type { ListenerSockets } from "./listener-sockets.ts";
import type { Counters } from "./counters.ts";
import type { WorkerState } from "./crew.ts";

/** How the workers dataplane is doing. Plain data. */
export interface WorkersStatus {
  /** Of the table in force: larger for each one that follows. 0: nothing is applied. */
  readonly generation: number;
  /**
   * Who listens: every worker at every port, at sockets that the control thread owns (`shared sockets`, the native
   * engine) or at its own, over which the kernel spreads connections (`reusePort`, the Node engine); or each service
   * port belongs to one worker, as with the Node engine before Node 22.12 and for connections that are served one at a
   * time.
   */
  readonly placement: "shared sockets" | "reusePort" | "ports dealt to workers";
  /** What moves the bytes. */
  readonly engine: EngineName;
  readonly workers: readonly WorkerState[];
  /** One for each frontend of the plan, in its order; then one for each address of the option `transparent`. */
  readonly listeners: readonly ListenerStatus[];
  /** What the program says and this dataplane cannot do: `drop` is accepted and closed, where the kernel is silent. */
  readonly notEmulated: readonly { readonly frontend: Frontend; readonly what: "drop" }[];
  /** Sums over all workers since the start. */
  readonly counters: Counters;
}

export interface ListenerStatus {
  readonly frontend: Frontend;
  /** Where it listens; undefined when it does not. */
  readonly at: SocketAddr | undefined;
  /** Seats of the workers that listen. */
  readonly workers: readonly number[];
  /** Why it does not listen; undefined when it does. */
  readonly reason: string | undefined;
}

/** What `listeners` says. */
export function listenerStatus({ plan, listen }: InForce, sockets: ListenerSockets): readonly ListenerStatus[] {
  const reasons = new Map(listen.absent.map(({ frontend, reason }) => [frontend, reason]));
  const keys = new Map(listen.wanted.map(({ frontend, key }) => [frontend, key]));
  const transparent = listen.wanted.filter((wanted) => wanted.transparent).map(({ frontend }) => frontend);
  return [...plan.frontends, ...transparent].map((frontend) => {
    const socket = sockets.find(keys.get(frontend) ?? "");
    if (socket === undefined) return { frontend, at: undefined, workers: [], reason: reasons.get(frontend) };
    const workers = [...socket.owners].sort((a, b) => a - b);
    if (workers.length > 0) return { frontend, at: socket.bound, workers, reason: undefined };
    return { frontend, at: undefined, workers, reason: socket.failure ?? "no worker has it" };
  });
}
