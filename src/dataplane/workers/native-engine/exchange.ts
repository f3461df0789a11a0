import type { FlowChange, FlowRouter, NewFlow, Route } from "../engine.ts";
import { ADDR_WORDS, readAddr, writeAddr } from "./addr-words.ts";

/** Entries of each kind in one batch, and their words, as C lays them out: changes, then questions, then routes. */
const BATCH = 256;
const CHANGE_WORDS = 2;
const ASK_WORDS = 3 + ADDR_WORDS;
const ROUTE_WORDS = 1 + ADDR_WORDS;
const ASKS_AT = BATCH * CHANGE_WORDS;
const ROUTES_AT = ASKS_AT + BATCH * ASK_WORDS;
const EXCHANGE_WORDS = ROUTES_AT + BATCH * ROUTE_WORDS;

const became: readonly FlowChange["became"][] = ["closing", "closed", "reset", "expired"];
const VERDICTS: Readonly<Record<Route["kind"], number>> = { forward: 0, refuse: 1, discard: 2 };

/** The memory in which an engine in C and its router meet. */
export interface Exchange {
  readonly words: Uint32Array;
  /** Hands a batch to the router, and puts its routes where C reads them. */
  handOver(router: FlowRouter, changes: number, asks: number): void;
}

export function createExchange(): Exchange {
  // Shared, though no other thread looks at it: other memory could be taken away from under the engine.
  const words = new Uint32Array(new SharedArrayBuffer(EXCHANGE_WORDS * Uint32Array.BYTES_PER_ELEMENT));
  const change = (at: number): FlowChange => ({ slot: words[at]!, became: became[words[at + 1]!]! });
  const ask = (at: number): NewFlow => ({
    slot: words[at]!,
    listener: words[at + 1]!,
    attempt: words[at + 2]!,
    client: readAddr(words, at + 3),
  });
  return {
    words,
    handOver(router, changes, asks) {
      if (changes > 0) router.changed(entries(changes, 0, CHANGE_WORDS, change));
      if (asks === 0) return;
      const routes = router.route(entries(asks, ASKS_AT, ASK_WORDS, ask));
      for (let number = 0; number < asks; number += 1) {
        const at = ROUTES_AT + number * ROUTE_WORDS;
        const route = routes[number]!;
        words[at] = VERDICTS[route.kind];
        if (route.kind === "forward") writeAddr(words, at + 1, route.to);
      }
    },
  };
}

/** A plain loop: it runs for every connection. */
function entries<T>(count: number, from: number, words: number, read: (at: number) => T): T[] {
  const list: T[] = [];
  for (let number = 0; number < count; number += 1) list.push(read(from + number * words));
  return list;
}
