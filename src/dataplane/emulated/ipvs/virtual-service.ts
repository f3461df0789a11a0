import type { Algorithm } from "../../../balancers/balancer.ts";
import { algorithm } from "../../../balancers/registry.ts";
import type { Random } from "../../../core/random.ts";
import type { Persistence } from "./persistence.ts";
import { schedulerOptions } from "./scheduler-options.ts";
import { ServerList } from "./servers.ts";
import type { IpvsSettings } from "./settings.ts";

/** What `ipvsadm -A` and `-E` say of a virtual server. */
export interface ServiceSettings {
  /** A scheduler of the kernel. */
  readonly scheduler: string;
  /** Flags of the scheduler, such as `sh-port`; those that it does not look at change nothing. */
  readonly flags: readonly string[];
  readonly persistence: Persistence | undefined;
  /** Every UDP datagram is scheduled by itself, and leaves no connection behind. */
  readonly onePacket: boolean;
}

/** A virtual server with its real servers. Which packets are its own, others decide. */
export class VirtualService {
  readonly servers: ServerList;
  readonly #node: IpvsSettings;
  #settings: ServiceSettings;

  /**
   * @param node what holds for all virtual servers of the node.
   * @throws {SluiceError} BALANCER_INVALID for a scheduler or a flag that there is not.
   */
  constructor(settings: ServiceSettings, node: IpvsSettings, random: Random) {
    this.#node = node;
    this.#settings = settings;
    this.servers = new ServerList(schedulerOf(settings, node), node.kernel, random);
  }

  get settings(): ServiceSettings {
    return this.#settings;
  }

  /**
   * As `ipvsadm -E`: another scheduler starts from its initial state, the same one goes on, with new flags if there are
   * any. Servers, counts and templates stay; a new time-out of persistence is for new templates.
   *
   * @throws {SluiceError} as the constructor; then nothing has changed.
   */
  edit(settings: ServiceSettings): void {
    const { scheduler, flags } = this.#settings;
    const same = settings.scheduler === scheduler && settings.flags.join() === flags.join();
    if (!same) this.servers.schedule(schedulerOf(settings, this.#node));
    this.#settings = settings;
  }
}

/** @throws {SluiceError} BALANCER_INVALID for a scheduler or a flag that there is not. */
export function schedulerOf({ scheduler, flags }: ServiceSettings, node: IpvsSettings): Algorithm {
  const { kernel, lblcExpirationSeconds, lblcrExpirationSeconds } = node;
  const tuning = { kernel, lblcExpirationSeconds, lblcrExpirationSeconds };
  return algorithm(scheduler, schedulerOptions(scheduler, flags, tuning));
}
