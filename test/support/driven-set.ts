import { type BackendSet, linkFirst, unlink } from "../../src/balancers/backend-set.ts";
import type { Balancer } from "../../src/balancers/balancer.ts";

/** A set with a balancer over it: every change is made and said in the order that the contract asks for. */
export class DrivenSet {
  readonly set: BackendSet;
  /** May be replaced by another one over the same set. */
  balancer: Balancer;

  constructor(set: BackendSet, balancer: Balancer) {
    this.set = set;
    this.balancer = balancer;
  }

  add(slot: number, weight: number): void {
    linkFirst(this.set, slot, weight);
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

  /** Changes the counts of a slot, as a connection opens, closes or is forgotten. */
  count(slot: number, change: { readonly active?: number; readonly inactive?: number }): void {
    this.set.active[slot]! += change.active ?? 0;
    this.set.inactive[slot]! += change.inactive ?? 0;
    this.balancer.loadChanged(slot);
  }
}
