import type { Argv } from "yargs";
import { configInvalid } from "../core/errors.ts";
import { trueOrFalse } from "./boolean-option.ts";
import { oneOf } from "./choice-option.ts";
import { clusterOptions } from "./cluster-options.ts";
import { modeOptions } from "./mode-options.ts";
import { wholeNumber } from "./number-option.ts";
import { outputOption } from "./output-option.ts";

/** `sluice run`: forwards real traffic until stopped. */
export function addRunCommand(argv: Argv): void {
  argv.command(
    "run",
    "forward real traffic, or program this host's kernel, until stopped",
    (options) =>
      kernelOptions(workersOptions(modeOptions(clusterOptions(options))))
        .option(
          "watch",
          trueOrFalse(
            "watch",
            "follow files and folders as they change; while one is missing, empty or broken nothing changes",
          ),
        )
        .option("drain-seconds", {
          ...wholeNumber("drain-seconds", "after SIGTERM: wait this long for open connections", {
            min: 0,
            max: 86_400,
          }),
          defaultDescription: "30",
        })
        .option(
          "o",
          outputOption(
            "form; json: one document a line, event listening at the start and after each change, at the end event stopped with the counters",
          ),
        )
        .example("$0 run -f cluster.yaml --mode ipvs --watch", "every service on loopback, rules follow the file"),
    async (args) => {
      if (args.printConfigSchema === true) {
        const { configJsonSchema } = await import("../agent/config/schema.ts");
        process.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
        return;
      }
      const { run } = await import("./run.ts");
      await run(args);
    },
  );
}

function kernelOptions<T>(argv: Argv<T>) {
  return argv
    .option("config", {
      describe: "a KubeProxyConfiguration; it says the mode and its options, flags do not",
      type: "string",
      requiresArg: true,
    })
    .option("once", trueOrFalse("once", "dataplane kernel: program it and end; the rules stay"))
    .option(
      "dry-run",
      trueOrFalse(
        "dry-run",
        "dataplane kernel: print what would be fed to which command of this host, and change nothing",
      ),
    )
    .option(
      "print-config-schema",
      trueOrFalse("print-config-schema", "print the JSON Schema of --config, and nothing else"),
    )
    .check(requireDataplane);
}

const workersOnly = [
  "workers",
  "engine",
  "bind",
  "listen",
  "map-endpoint",
  "transparent",
  "modern",
  "udp-idle-ms",
  "connect-timeout-ms",
  "retries",
  "tcp-idle-ms",
  "keepalive-seconds",
  "proxy-protocol",
  "drain-seconds",
] as const;
const kernelOnly = ["once", "dry-run"] as const;

/** An option that nobody would look at is a mistake. @throws {SluiceError} CONFIG_INVALID */
function requireDataplane(args: Readonly<Record<string, unknown>>): true {
  const kernel = args["dataplane"] === "kernel";
  const given = (name: string): boolean => args[name] !== undefined && !(name === "bind" && args[name] === "loopback");
  for (const name of kernel ? workersOnly : kernelOnly) {
    if (given(name))
      throw configInvalid(`--${name}`, `only with --dataplane ${kernel ? "workers" : "kernel"}`, args[name]);
  }
  const ways = ["once", "watch", "dry-run"].filter((name) => args[name] === true).map((name) => `--${name}`);
  if (kernel && ways.length > 1) throw configInvalid(ways[0]!, `one of ${ways.join(" and ")}`, ways.join(" "));
  if (kernel && args["config"] === undefined && args["mode"] === "userspace") {
    throw configInvalid("--mode", "iptables, nftables or ipvs with --dataplane kernel", args["mode"]);
  }
  if (args["bind"] === "portals") {
    if (args["config"] === undefined && args["mode"] !== "userspace") {
      throw configInvalid("--bind", "portals only with --mode userspace", args["mode"]);
    }
    if (args["listen"] !== undefined) throw configInvalid("--listen", "none with --bind portals", args["listen"]);
  }
  return true;
}

function workersOptions<T>(argv: Argv<T>) {
  return argv
    .option("dataplane", {
      ...oneOf("dataplane", "what carries it out: threads of ours, or the kernel (root)", ["workers", "kernel"]),
      default: "workers" as const,
    })
    .option("workers", {
      ...wholeNumber("workers", "worker threads", { min: 1, max: 64 }),
      defaultDescription: "processors - 1, at least 1",
    })
    .option("engine", {
      ...oneOf("engine", "what moves the bytes: C and epoll, or Node's own sockets", ["native", "node"]),
      defaultDescription: "native where it is built",
    })
    .option("bind", {
      ...oneOf(
        "bind",
        "where services listen: on loopback, or at their own addresses; cluster IPs are made local to this host (root); portals: as kube-proxy's mode userspace did, at proxy ports to which rules of the kernel lead the traffic for services (root)",
        ["loopback", "cluster-ips", "portals"],
      ),
      default: "loopback" as const,
    })
    .option("listen", {
      describe: "NAMESPACE/NAME:PORT=ADDRESS:PORT: where one service port listens",
      type: "string",
      array: true,
      requiresArg: true,
    })
    .option("map-endpoint", {
      describe: "IP[:PORT]=ADDRESS[:PORT]: send an endpoint's traffic elsewhere",
      type: "string",
      array: true,
      requiresArg: true,
    })
    .option("transparent", {
      describe:
        "ADDRESS:PORT: also listen here for TCP connections that a rule of the kernel redirects (REDIRECT); each goes to the service that it was for, by its original destination",
      type: "string",
      array: true,
      requiresArg: true,
    })
    .option(
      "modern",
      trueOrFalse("modern", "mode userspace: half-close, parallel accepts and long idle times, unlike kube-proxy 1.25"),
    )
    .option("udp-idle-ms", {
      ...wholeNumber("udp-idle-ms", "forget a UDP flow after this long", { min: 1, max: 86_400_000 }),
      defaultDescription: "the mode's own",
    })
    .option("connect-timeout-ms", {
      ...wholeNumber("connect-timeout-ms", "how long each try to reach an endpoint may take", { min: 1, max: 600_000 }),
      defaultDescription: "the mode's own",
    })
    .option("retries", {
      ...wholeNumber("retries", "further tries after an endpoint failed, each decided anew", { min: 0, max: 7 }),
      defaultDescription: "the mode's own",
    })
    .option("tcp-idle-ms", {
      ...wholeNumber("tcp-idle-ms", "reset a connection after this long without a byte", { min: 1, max: 86_400_000 }),
      defaultDescription: "never",
    })
    .option("keepalive-seconds", {
      ...wholeNumber("keepalive-seconds", "have the kernel probe endpoints after this long without a byte", {
        min: 1,
        max: 32_767,
      }),
      defaultDescription: "never",
    })
    .option("proxy-protocol", {
      ...oneOf("proxy-protocol", "tell endpoints by a header who their client is", ["v1", "v2"]),
      defaultDescription: "no header",
    });
}
