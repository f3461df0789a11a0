import { EventEmitter } from "node:events";
import { BalancedPool, Client, type Dispatcher, Pool, RoundRobinPool } from "undici";

/** A pool that chooses, and sends nothing. */
export interface Dispatching {
  /** Chooses a backend, as the pool does for each request. */
  dispatch(): void;
  /** How often a backend was chosen. */
  readonly dispatched: { count: number };
}

const options: Dispatcher.DispatchOptions = { path: "/", method: "GET" };
const handler: Dispatcher.DispatchHandler = { onRequestStart() {}, onResponseError() {} };

/** undici's weighted round robin over backends. No request leaves: each backend's pool only counts. */
export function balancedPool(backends: number): Dispatching {
  const dispatched = { count: 0 };
  class CountingPool extends Pool {
    override dispatch(): boolean {
      dispatched.count += 1;
      return true;
    }
  }
  const upstreams = Array.from({ length: backends }, (_, index) => `http://backend-${index}.test`);
  const pool = new BalancedPool(upstreams, { factory: (origin: URL) => new CountingPool(origin) });
  return { dispatch: () => void pool.dispatch(options, handler), dispatched };
}

/** undici's round robin over the connections to one backend; here each connection only counts. */
export function roundRobinPool(connections: number): Dispatching {
  const dispatched = { count: 0 };
  const clients: CountingClient[] = [];
  class CountingClient extends Client {
    // As long as it is busy after a request, the pool opens another connection.
    override dispatch(): boolean {
      dispatched.count += 1;
      return clients.length === connections;
    }
  }
  const pool = new RoundRobinPool("http://backend.test", {
    connections,
    factory(origin: URL) {
      const client = new CountingClient(origin);
      clients.push(client);
      return client;
    },
  });
  for (let connection = 0; connection < connections; connection += 1) pool.dispatch(options, handler);
  // The pool listens to this event, but its types do not know it.
  for (const client of clients)
    EventEmitter.prototype.emit.call(client, "drain", new URL("http://backend.test"), [client]);
  if (clients.length !== connections) throw new Error(`${clients.length} connections, not ${connections}`);
  dispatched.count = 0;
  return { dispatch: () => void pool.dispatch(options, handler), dispatched };
}
