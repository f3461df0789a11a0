import type { Ip } from "../../../net/ip.ts";
import { chance } from "./choices.ts";
import { fraction } from "./fraction.ts";
import type { Route } from "./host-node.ts";
import type { Walk } from "./walk.ts";

/**
 * The way of a packet. Of several next hops a hash of its addresses chooses one, with a seed that nobody knows: each is
 * as likely as its weight says, and one packet keeps to one. Source: Linux, fib_semantics.c, `fib_select_multipath`.
 */
export function chosenRoute(walk: Walk, to: Ip): Route | undefined {
  const route = walk.routing.route(to);
  if (route?.hops === undefined) return route;
  const known = walk.hops.get(route);
  if (known !== undefined) return known;
  walk.assumptions.add(
    "a hash chooses among several next hops, and its seed is unknown: each is as likely as its weight",
  );
  const { hops } = route;
  const sum = hops.reduce((total, { weight }) => total + weight, 0);
  const { device, gateway } = hops[walk.draw(hops.map(({ weight }) => chance(fraction(weight, sum))))]!;
  const { destination, type, metric, source } = route;
  const chosen: Route = {
    destination,
    type,
    metric,
    device,
    ...(gateway === undefined ? {} : { gateway }),
    ...(source === undefined ? {} : { source }),
  };
  walk.hops.set(route, chosen);
  return chosen;
}
