import { type BackendSet, linkFirst, unlink } from "../../src/balancers/backend-set.ts";
import type { Balancer } from "../../src/balancers/balancer.ts";
import type { Identity } from "../../src/balancers/identity.ts";
import type { Kernel } from "../../src/balancers/kernel.ts";
import { connectionAdded, connectionEnded, setThresholds, type Thresholds } from "../../src/balancers/thresholds.ts";

const unlimited: Thresholds = { upper: 0, lower: 0 };

/** A set with a balancer over it: every change is made and said in the order that the contract asks for. */
export class DrivenSet {
  readonly set: BackendSet;
  /** May be replaced by another one over the same set. */
  balancer: Balancer;
  readonly #kernel: Kernel;

  /** @param kernel whose rules of overload thresholds. */
  constructor(set: BackendSet, balancer: Balancer, kernel: Kernel = "6.1.192") {
    this.set = set;
    this.balancer = balancer;
    this.#kernel = kernel;
  }

  /** @param identity by default that of a backend which is nothing but its slot. */
  add(slot: number, weight: number, thresholds: Thresholds = unlimited, identity?: Identity): void {
    setThresholds(this.set, slot, thresholds, this.#kernel);
    linkFirst(this.set, slot, weight, identity);
    this.balancer.added(slot);
  }

  remove(slot: number): void {
    this.balancer.removing(slot);
    unlink(this.set, slot);
  }

  reweigh(slot: number, weight: number): void {
    this.set.weight[slot] = weight;
    this.balancer.reweighted(slot);
  }

  limit(slot: number, thresholds: Thresholds): void {
    setThresholds(this.set, slot, thresholds, this.#kernel);
    this.balancer.reweighted(slot);
  }

  /** Changes the counts of a slot, as a connection opens, closes or is forgotten. */
  count(slot: number, { active = 0, inactive = 0 }: { readonly active?: number; readonly inactive?: number }): void {
    this.set.active[slot]! += active;
    this.set.inactive[slot]! += inactive;
    if (active + inactive > 0) connectionAdded(this.set, slot, this.#kernel);
    if (active + inactive < 0) connectionEnded(this.set, slot, this.#kernel);
    this.balancer.loadChanged(slot);
  }
}
