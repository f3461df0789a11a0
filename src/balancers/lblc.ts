import type { Flow } from "../net/flow.ts";
import { type BackendSet, holds } from "./backend-set.ts";
import { type Balancer, NO_BACKEND } from "./balancer.ts";
import { define, wholeOption } from "./definition.ts";
import { DESTINATION_MAP_WORDS, destinationMap } from "./destination-map.ts";
import { explainedOnCopy } from "./explained-on-copy.ts";
import type { Candidate } from "./explanation.ts";
import { type Kernel, type KernelOptions, kernelOption } from "./kernel.ts";
import { locality, localityWords } from "./locality.ts";
import { NO_RECORD } from "./record-pool.ts";

/** Options of `lblc`. */
export interface LblcOptions extends KernelOptions {
  /** After how long an address that nobody asked for is forgotten, in seconds: a whole number in 0…2³¹ − 1. @default 86400, as in the kernel */
  readonly lblcExpirationSeconds?: number;
}

/**
 * Locality-based least connection: a destination address keeps its backend as long as that has weight and is not too
 * loaded, else it gets the one that `wlc` picks. Too loaded is a backend with more active connections than its weight
 * while another has less than half as many as its own; its thresholds do not count here. So all flows to one virtual
 * address stay together until their backend is full: lblc is for flows to many addresses, as a firewall mark catches
 * them.
 *
 * A backend that was removed and comes back gets its destinations back, if no flow was sent there meanwhile. An address
 * is forgotten when it was idle for `lblcExpirationSeconds` (the kernel's lblc_expiration, a day by default), which is
 * looked at every half hour, and sooner when there are more than 16,384 of them; see `DestinationMap`.
 *
 * O(1) to O(24) for the chain that an address is in; a change O(log n). 1 MB of state, of which only what holds
 * addresses is ever touched. Source: Linux net/netfilter/ipvs/ip_vs_lblc.c.
 */
export const lblc = define<"lblc", LblcOptions>(
  "lblc",
  { kernel: kernelOption, lblcExpirationSeconds: wholeOption(86_400, 0, 2 ** 31 - 1) },
  ({ kernel, lblcExpirationSeconds }) => ({
    stateWords: (capacity) => DESTINATION_MAP_WORDS + localityWords(capacity),
    create: (set, state) => ({
      algorithm: "lblc",
      ...explainedOnCopy(state, (words) => lblcOver(set, words, kernel, lblcExpirationSeconds * 1000)),
    }),
  }),
);

function lblcOver(
  set: BackendSet,
  state: Int32Array,
  kernel: Kernel,
  expirationMs: number,
): Omit<Balancer, "algorithm"> {
  const map = destinationMap(state, expirationMs);
  const servers = locality(set, state, DESTINATION_MAP_WORDS, kernel);

  /** The slot of the backend that an entry remembers. */
  const remembered = (entry: number): number => {
    const at = map.valueAt(entry);
    return servers.slotOf(state[at]!, state[at + 1]!);
  };
  const keeps = (slot: number): boolean =>
    slot !== NO_BACKEND && holds(set, slot) && set.weight[slot]! > 0 && !servers.tooLoaded(slot);
  const remember = ({ dst }: Flow, nowMs: number, known: number, slot: number): void => {
    const entry = known === NO_RECORD ? map.add(dst, nowMs) : known;
    if (entry === NO_RECORD) return;
    const at = map.valueAt(entry);
    state[at] = set.identityLow[slot]!;
    state[at + 1] = set.identityHigh[slot]!;
  };
  return {
    pick(flow, nowMs) {
      map.sweep(nowMs);
      const entry = map.find(flow.dst, nowMs);
      const kept = entry === NO_RECORD ? NO_BACKEND : remembered(entry);
      if (keeps(kept)) return kept;
      const slot = servers.leastLoaded();
      if (slot !== NO_BACKEND) remember(flow, nowMs, entry, slot);
      return slot;
    },
    explain({ dst }, nowMs) {
      map.sweep(nowMs);
      const entry = map.find(dst, nowMs);
      const kept = entry === NO_RECORD ? NO_BACKEND : remembered(entry);
      const own = kept === NO_BACKEND ? [] : [explainKept(set, kept, servers.tooLoaded(kept))];
      if (keeps(kept)) return { slot: kept, rule: "the backend that the destination address has", candidates: own };
      const { slot, rule, candidates } = servers.explainLeastLoaded();
      const why = entry === NO_RECORD ? "the destination address has no backend yet" : "its backend does not keep it";
      return { slot, rule: `${why}: ${rule}`, candidates: [...own, ...candidates] };
    },
    ...servers.hooks,
    rebuild() {
      map.rebuild();
      servers.hooks.rebuild();
    },
  };
}

function explainKept(set: BackendSet, slot: number, tooLoaded: boolean): Candidate {
  const { active, weight } = set;
  const meaning = `active connections of the backend that the address has, of weight ${weight[slot]}`;
  if (!holds(set, slot)) return { slot, value: active[slot]!, meaning: `${meaning}; removed` };
  if (!tooLoaded) return { slot, value: active[slot]!, meaning };
  return { slot, value: active[slot]!, meaning: `${meaning}; another has less than half of its own weight` };
}
