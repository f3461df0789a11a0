import {
  type BackendSet,
  createBackendSet,
  growBackendSet,
  holds,
  linkFirst,
  listed,
  unlink,
  viewBackendSet,
} from "../../../balancers/backend-set.ts";
import type { BackendSettings } from "../../../balancers/backend-spec.ts";
import { type Algorithm, type Balancer, NO_BACKEND } from "../../../balancers/balancer.ts";
import { identityOf } from "../../../balancers/identity.ts";
import type { Kernel } from "../../../balancers/kernel.ts";
import { connectionAdded, connectionEnded, setThresholds } from "../../../balancers/thresholds.ts";
import type { Random } from "../../../core/random.ts";
import type { Flow, SocketAddr } from "../../../net/flow.ts";
import { formatSocketAddr } from "../../../net/flow.ts";

/** A real server, as long as it is in the list or anything is bound to it. */
export interface Server {
  readonly addr: SocketAddr;
  /** Its place in the columns of the list's `set`. */
  readonly slot: number;
}

interface Known extends Server {
  /** The last weight above 0, or 0 if it was added with 0. */
  lastWeight: number;
  /** Connections and templates that lead to it. */
  bound: number;
}

/** Slots at first; doubled whenever they run out. */
const FIRST_CAPACITY = 16;

/**
 * The real servers of one virtual server, with the scheduler that picks among them.
 *
 * A server that is removed is remembered while connections or templates lead to it: if it is added again meanwhile, it
 * goes to the head of the list like any other, with the counts of its connections.
 */
export class ServerList {
  readonly #kernel: Kernel;
  readonly #random: Random;
  readonly #servers = new Map<string, Known>();
  readonly #bySlot: Known[] = [];
  readonly #free: number[] = [];
  #algorithm: Algorithm;
  #set: BackendSet;
  #state: Int32Array;
  #balancer: Balancer;

  constructor(algorithm: Algorithm, kernel: Kernel, random: Random) {
    this.#kernel = kernel;
    this.#random = random;
    this.#algorithm = algorithm;
    this.#set = createBackendSet(FIRST_CAPACITY);
    this.#state = new Int32Array(algorithm.stateWords(FIRST_CAPACITY));
    this.#balancer = algorithm.create(this.#set, this.#state, random);
    this.#offer(0);
  }

  /** List, weights, counts and thresholds; to be read only. Another object once there are more servers than slots. */
  get set(): BackendSet {
    return this.#set;
  }

  /** The servers in list order: the newest first. */
  listed(): Server[] {
    return this.#listed();
  }

  /** The server in a slot of the list. */
  at(slot: number): Server {
    return this.#bySlot[slot]!;
  }

  /** The listed server at this address. */
  find(addr: SocketAddr): Server | undefined {
    const server = this.#servers.get(formatSocketAddr(addr));
    return server !== undefined && this.isListed(server) ? server : undefined;
  }

  isListed({ slot }: Server): boolean {
    return holds(this.#set, slot);
  }

  /** Whether a connection or a template leads to it. */
  isBound({ slot }: Server): boolean {
    return this.#bySlot[slot]!.bound > 0;
  }

  weightOf({ slot }: Server): number {
    return this.#set.weight[slot]!;
  }

  /** Adds a server that is not in the list to its head. @returns the same one as before, if it was still bound. */
  add(addr: SocketAddr, settings: BackendSettings): Server {
    const key = formatSocketAddr(addr);
    const server = this.#servers.get(key) ?? this.#take(key, addr);
    server.lastWeight = settings.weight;
    setThresholds(this.#set, server.slot, settings, this.#kernel);
    linkFirst(this.#set, server.slot, settings.weight, identityOf(key));
    this.#balancer.added(server.slot);
    return server;
  }

  /** Edits a listed server where it stands; also with what it has already, the scheduler hears of it. */
  edit({ slot }: Server, settings: BackendSettings): void {
    if (settings.weight > 0) this.#bySlot[slot]!.lastWeight = settings.weight;
    this.#set.weight[slot] = settings.weight;
    setThresholds(this.#set, slot, settings, this.#kernel);
    this.#balancer.reweighted(slot);
  }

  remove({ slot }: Server): void {
    this.#balancer.removing(slot);
    unlink(this.#set, slot);
    this.#freeWhenUnused(this.#bySlot[slot]!);
  }

  /** Goes on with other flags, or with another scheduler, which starts afresh. */
  schedule(algorithm: Algorithm): void {
    const same = algorithm.name === this.#algorithm.name;
    this.#algorithm = algorithm;
    if (same) this.#balancer = algorithm.create(this.#set, this.#state, this.#random);
    else this.restart();
  }

  /** Has the scheduler start from its initial state, with the list and the counts as they are. */
  restart(): void {
    const { weight } = this.#set;
    this.#state = new Int32Array(this.#algorithm.stateWords(this.#set.capacity));
    this.#balancer = this.#algorithm.create(this.#set, this.#state, this.#random);
    // mh goes by last weights above 0, also by those of before its time.
    const quiet = this.#algorithm.name === "mh" ? this.#listed().filter((server) => this.weightOf(server) === 0) : [];
    for (const { slot, lastWeight } of quiet) weight[slot] = lastWeight;
    this.#balancer.rebuild();
    for (const { slot } of quiet) {
      weight[slot] = 0;
      this.#balancer.reweighted(slot);
    }
  }

  /** The server of a new flow; undefined if there is no usable one. */
  pick(flow: Flow, nowMs: number): Server | undefined {
    const slot = this.#balancer.pick(flow, nowMs);
    return slot === NO_BACKEND ? undefined : this.#bySlot[slot];
  }

  /** What `pick` would give, from a random source of its own; changes nothing. O(servers). */
  peek(flow: Flow, nowMs: number, random: Random): Server | undefined {
    const set = viewBackendSet(this.#set.next.buffer.slice(0), 0, this.#set.capacity);
    const slot = this.#algorithm.create(set, this.#state.slice(), random).pick(flow, nowMs);
    return slot === NO_BACKEND ? undefined : this.#bySlot[slot];
  }

  /** A connection was bound to a server. */
  opened({ slot }: Server, active: boolean): void {
    this.#bySlot[slot]!.bound += 1;
    this.#count(slot, active, 1);
    connectionAdded(this.#set, slot, this.#kernel);
    this.#balancer.loadChanged(slot);
  }

  /** A connection went inactive, or active again. */
  moved({ slot }: Server, active: boolean): void {
    this.#count(slot, !active, -1);
    this.#count(slot, active, 1);
    this.#balancer.loadChanged(slot);
  }

  /** A connection has left the table. */
  closed({ slot }: Server, active: boolean): void {
    this.#count(slot, active, -1);
    connectionEnded(this.#set, slot, this.#kernel);
    this.#balancer.loadChanged(slot);
    this.#release(slot);
  }

  /** A template was bound to a server. It is not counted, but 6.1.176 looks at the thresholds as for a connection. */
  templateBound({ slot }: Server): void {
    this.#bySlot[slot]!.bound += 1;
    connectionAdded(this.#set, slot, this.#kernel);
    this.#balancer.loadChanged(slot);
  }

  templateUnbound({ slot }: Server): void {
    connectionEnded(this.#set, slot, this.#kernel);
    this.#balancer.loadChanged(slot);
    this.#release(slot);
  }

  /** Whether any server is in the list, or anything leads to one that was. */
  get inUse(): boolean {
    return this.#servers.size > 0;
  }

  #listed(): Known[] {
    return listed(this.#set).map((slot) => this.#bySlot[slot]!);
  }

  #count(slot: number, active: boolean, change: number): void {
    const column = active ? this.#set.active : this.#set.inactive;
    column[slot]! += change;
  }

  #release(slot: number): void {
    const server = this.#bySlot[slot]!;
    server.bound -= 1;
    this.#freeWhenUnused(server);
  }

  #freeWhenUnused(server: Known): void {
    if (this.isListed(server) || server.bound > 0) return;
    this.#servers.delete(formatSocketAddr(server.addr));
    this.#free.push(server.slot);
  }

  #take(key: string, addr: SocketAddr): Known {
    if (this.#free.length === 0) this.#grow();
    const server = { addr, slot: this.#free.pop()!, lastWeight: 0, bound: 0 };
    this.#servers.set(key, server);
    this.#bySlot[server.slot] = server;
    return server;
  }

  #grow(): void {
    const { capacity } = this.#set;
    const state = new Int32Array(this.#algorithm.stateWords(capacity * 2));
    state.set(this.#state);
    this.#set = growBackendSet(this.#set, capacity * 2);
    this.#state = state;
    this.#balancer = this.#algorithm.create(this.#set, state, this.#random);
    this.#offer(capacity);
  }

  /** Slots from this one on are free, the lowest first. */
  #offer(first: number): void {
    for (let slot = this.#set.capacity - 1; slot >= first; slot -= 1) this.#free.push(slot);
  }
}
