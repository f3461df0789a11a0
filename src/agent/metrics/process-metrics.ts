import { readdirSync, readFileSync } from "node:fs";
import { Counter, Gauge, type Registry } from "prom-client";
import { systemClock } from "../../core/clock.ts";

/** What Linux says of this process; undefined on another system, or where it says nothing. */
type Read = () => number | undefined;

/**
 * Makes the metrics that every client of Prometheus has about its process, with the names and help texts of Go's, all
 * read when they are asked for.
 */
export function processMetrics(registry: Registry): void {
  const startedMs = systemClock.nowMs() - process.uptime() * 1000;
  counter(registry, "cpu_seconds_total", "Total user and system CPU time spent in seconds.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  counter(registry, "network_receive_bytes_total", "Number of bytes received by the process over the network.", () =>
    octets("InOctets"),
  );
  counter(registry, "network_transmit_bytes_total", "Number of bytes sent by the process over the network.", () =>
    octets("OutOctets"),
  );
  gauge(registry, "open_fds", "Number of open file descriptors.", () => readdirSync("/proc/self/fd").length - 1);
  gauge(registry, "max_fds", "Maximum number of open file descriptors.", () => limit("Max open files"));
  gauge(registry, "resident_memory_bytes", "Resident memory size in bytes.", () => process.memoryUsage.rss());
  gauge(
    registry,
    "start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
    () => startedMs / 1000,
  );
  gauge(registry, "virtual_memory_bytes", "Virtual memory size in bytes.", () => {
    const pages = Number(readFileSync("/proc/self/statm", "utf8").split(" ")[0]);
    return pages * PAGE_BYTES;
  });
  gauge(registry, "virtual_memory_max_bytes", "Maximum amount of virtual memory available in bytes.", () =>
    limit("Max address space"),
  );
}

/** The kernel's unit of memory on all hosts that Node runs on, but for some ARM ones. */
const PAGE_BYTES = 4096;
/** What Go writes for a limit that is none. */
const UNLIMITED = 2 ** 64;

function limit(name: string): number | undefined {
  const line = readFileSync("/proc/self/limits", "utf8")
    .split("\n")
    .find((one) => one.startsWith(name));
  const soft = line?.slice(name.length).trim().split(/\s+/)[0];
  return soft === "unlimited" ? UNLIMITED : soft === undefined ? undefined : Number(soft);
}

/** Of the network namespace, as Go's client has it. */
function octets(name: "InOctets" | "OutOctets"): number | undefined {
  const lines = readFileSync("/proc/self/net/netstat", "utf8").split("\n");
  const [names, values] = lines.filter((line) => line.startsWith("IpExt:")).map((line) => line.split(" "));
  const value = values?.[names?.indexOf(name) ?? -1];
  return value === undefined ? undefined : Number(value);
}

function counter(registry: Registry, name: string, help: string, read: Read): void {
  const metric = new Counter({
    name: `process_${name}`,
    help,
    registers: [registry],
    collect() {
      const value = quietly(read);
      metric.remove();
      if (value !== undefined) metric.inc(value);
    },
  });
}

function gauge(registry: Registry, name: string, help: string, read: Read): void {
  const metric = new Gauge({
    name: `process_${name}`,
    help,
    registers: [registry],
    collect() {
      const value = quietly(read);
      if (value === undefined) metric.remove();
      else metric.set(value);
    },
  });
}

function quietly(read: Read): number | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
