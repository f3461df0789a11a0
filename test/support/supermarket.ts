import type { BackendSet } from "../../src/balancers/backend-set.ts";
import { seededRandom } from "../../src/core/random.ts";

export interface Market {
  readonly set: BackendSet;
  choose(): number;
  /** Tells whoever chooses that a queue has changed. */
  changed(server: number): void;
}

/** What is measured, in units of the mean service time. */
export interface MarketRun {
  /** Arrivals a server and unit of time, in (0, 1). */
  readonly load: number;
  /** From the empty market on; nobody who comes in it is counted. */
  readonly warmUp: number;
  readonly batches: number;
  /** How long each batch of customers comes for. */
  readonly batchTime: number;
  readonly seed: number;
}

/**
 * The supermarket model: customers come to n servers as a Poisson process of rate load × n, queue at the one that is
 * chosen for them, and are served first come, first served, for exponential times of mean 1.
 *
 * Event by event, as a jump chain: the next event comes after an exponential time at the sum of all rates, and is an
 * arrival or the end of any of the services under way, in proportion to their rates. Exponential times forget how long
 * they have been, so this is the law of the model itself, and needs no calendar of events.
 *
 * @returns the mean time in the market, waiting and service, of the customers that left in each batch.
 */
export function simulateMarket({ set, choose, changed }: Market, run: MarketRun): number[] {
  const { capacity: servers, active } = set;
  const random = seededRandom(run.seed);
  const unit = (): number => (random.u32() + 0.5) / 2 ** 32;
  const queues = new Queues(servers);
  // The servers at work, in any order, and where each stands in it.
  const working = new Int32Array(servers);
  const place = new Int32Array(servers);
  let busy = 0;

  const arrive = (now: number): void => {
    const server = choose();
    if (active[server] === 0) {
      working[busy] = server;
      place[server] = busy;
      busy += 1;
    }
    queues.push(server, now);
    active[server]! += 1;
    changed(server);
  };
  /** @returns when the customer came. */
  const leave = (): number => {
    const server = working[random.below(busy)]!;
    active[server]! -= 1;
    if (active[server] === 0) {
      busy -= 1;
      const moved = working[busy]!;
      working[place[server]!] = moved;
      place[moved] = place[server]!;
    }
    changed(server);
    return queues.shift(server);
  };

  const batches: number[] = [];
  let [now, end, left, time] = [0, run.warmUp, 0, 0];
  while (batches.length < run.batches) {
    const arrivals = run.load * servers;
    now += -Math.log(unit()) / (arrivals + busy);
    if (now > end) {
      if (end > run.warmUp) batches.push(time / left);
      end += run.batchTime;
      [left, time] = [0, 0];
    }
    if (unit() * (arrivals + busy) < arrivals) arrive(now);
    else {
      time += now - leave();
      left += 1;
    }
  }
  return batches;
}

/** When the customers of each queue came: linked lists in typed arrays. */
class Queues {
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  #cameAt = new Float64Array(1024);
  #behind = new Int32Array(1024);
  #free = -1;
  #used = 0;

  constructor(queues: number) {
    this.#first = new Int32Array(queues).fill(-1);
    this.#last = new Int32Array(queues).fill(-1);
  }

  push(queue: number, cameAt: number): void {
    const customer = this.#take();
    this.#cameAt[customer] = cameAt;
    this.#behind[customer] = -1;
    if (this.#first[queue] === -1) this.#first[queue] = customer;
    else this.#behind[this.#last[queue]!] = customer;
    this.#last[queue] = customer;
  }

  shift(queue: number): number {
    const customer = this.#first[queue]!;
    this.#first[queue] = this.#behind[customer]!;
    this.#behind[customer] = this.#free;
    this.#free = customer;
    return this.#cameAt[customer]!;
  }

  #take(): number {
    if (this.#free !== -1) {
      const customer = this.#free;
      this.#free = this.#behind[customer]!;
      return customer;
    }
    if (this.#used === this.#cameAt.length) this.#grow();
    this.#used += 1;
    return this.#used - 1;
  }

  #grow(): void {
    const [cameAt, behind] = [this.#cameAt, this.#behind];
    this.#cameAt = new Float64Array(cameAt.length * 2);
    this.#cameAt.set(cameAt);
    this.#behind = new Int32Array(behind.length * 2);
    this.#behind.set(behind);
  }
}
