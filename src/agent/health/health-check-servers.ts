import { formatSocketAddr } from "../../net/flow.ts";
import type { Answer } from "../http/answer.ts";
import { type HttpServer, openServer } from "../http/server.ts";
import { type HealthCheck, healthCheckAnswer } from "./health-checks.ts";

/** What kube-proxy posts as an Event about the Service, of type Warning. */
export interface HealthCheckFailure {
  readonly reason: "FailedToStartServiceHealthcheck";
  readonly action: "Listen";
  readonly namespace: string;
  readonly service: string;
  readonly note: string;
}

export interface HealthCheckServersOptions {
  readonly nodeName: string;
  readonly proxyHealthy: () => boolean;
  /** A port cannot be listened at; it is tried again at the next sync. */
  readonly onFailure: (failure: HealthCheckFailure) => void;
}

/** The servers of the health checks. */
export interface HealthCheckServers {
  /** From now on these are served, and no others. Servers that are as before stay. Calls are carried out one by one. */
  sync(checks: readonly HealthCheck[]): Promise<void>;
  /** How many health checks there are servers for. */
  open(): number;
  /** Safe to call twice. */
  close(): Promise<void>;
}

interface Serving {
  /** As of the last sync. */
  check: HealthCheck;
  readonly servers: HttpServer[];
}

/** Gone between the moment a connection was accepted and the moment it asked. */
const gone: Answer = Object.freeze({ status: 200, headers: {}, body: "" });

/** Source: kube-proxy 1.36, pkg/proxy/healthcheck/service_health.go; every path and method is answered, as there. */
export function createHealthCheckServers(options: HealthCheckServersOptions): HealthCheckServers {
  const { nodeName, proxyHealthy, onFailure } = options;
  const serving = new Map<string, Serving>();
  let last: Promise<void> = Promise.resolve();

  const answerAt = (key: string) => (): Answer => {
    const check = serving.get(key)?.check;
    return check === undefined ? gone : healthCheckAnswer(check, proxyHealthy());
  };
  const start = async (key: string, check: HealthCheck): Promise<void> => {
    const { namespace, service, port, ips, family } = check;
    const servers: HttpServer[] = [];
    // From the first server on there is an answer, though not all of them may be there yet.
    serving.set(key, { check, servers });
    try {
      for (const ip of ips) servers.push(await openServer({ ip, port, only: family }, answerAt(key)));
    } catch (error) {
      // All or none: so the port can go to another, and all are tried anew.
      serving.delete(key);
      await closeAll(servers);
      const where = formatSocketAddr({ ip: ips[servers.length]!, port });
      const what = `failed to start healthcheck "${namespace}/${service}" on port ${port}`;
      const note = `node ${nodeName} ${what}: listen ${where}: ${(error as Error).message}`;
      onFailure({ reason: "FailedToStartServiceHealthcheck", action: "Listen", namespace, service, note });
    }
  };
  const bringAbout = async (checks: readonly HealthCheck[]): Promise<void> => {
    const wanted = new Map(checks.map((check) => [keyOf(check), check]));
    for (const [key, { servers }] of serving) {
      if (wanted.has(key)) continue;
      serving.delete(key);
      await closeAll(servers);
    }
    for (const [key, check] of wanted) {
      const kept = serving.get(key);
      if (kept !== undefined) kept.check = check;
      else await start(key, check);
    }
  };
  const sync = (checks: readonly HealthCheck[]): Promise<void> => (last = last.then(() => bringAbout(checks)));
  return {
    sync,
    open: () => [...serving.values()].filter(({ servers }) => servers.length > 0).length,
    close: () => sync([]),
  };
}

/** Equal for checks that the same servers can serve. */
function keyOf({ family, namespace, service, port, ips }: HealthCheck): string {
  return [family, namespace, service, ...ips.map((ip) => formatSocketAddr({ ip, port }))].join(" ");
}

async function closeAll(servers: readonly HttpServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.close()));
}
