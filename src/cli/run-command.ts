import type { Argv } from "yargs";
import { configInvalid } from "../core/errors.ts";
import { trueOrFalse } from "./boolean-option.ts";
import { oneOf } from "./choice-option.ts";
import { clusterOptions } from "./cluster-options.ts";
import { modeOptions } from "./mode-options.ts";
import { wholeNumber } from "./number-option.ts";

/** `sluice run`: forwards real traffic until stopped. */
export function addRunCommand(argv: Argv): void {
  argv.command(
    "run",
    "forward real traffic, or program this host's kernel, until stopped",
    (options) =>
      kernelOptions(workersOptions(modeOptions(clusterOptions(options), ["userspace", "iptables", "nftables", "ipvs"])))
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
        .option("o", {
          alias: "output",
          ...oneOf(
            "o",
            "form; json: one document a line, event listening at the start and after each change, at the end event stopped with the counters",
            ["table", "json"],
          ),
          default: "table" as const,
        })
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
      describe: "dataplane kernel: a KubeProxyConfiguration; it says the mode and its options, flags do not",
      type: "string",
      requiresArg: true,
    })
    .option("once", trueOrFalse("once", "dataplane kernel: program it and end; the rules stay"))
    .option(
      "print-config-schema",
      trueOrFalse("print-config-schema", "print the JSON Schema of --config, and nothing else"),
    )
    .check(requireDataplane);
}

const workersOnly = ["workers", "bind", "listen", "map-endpoint", "modern", "udp-idle-ms", "drain-seconds"] as const;
const kernelOnly = ["config", "once"] as const;

/** An option that nobody would look at is a mistake. @throws {SluiceError} CONFIG_INVALID */
function requireDataplane(args: Readonly<Record<string, unknown>>): true {
  const kernel = args["dataplane"] === "kernel";
  const given = (name: string): boolean => args[name] !== undefined && !(name === "bind" && args[name] === "loopback");
  for (const name of kernel ? workersOnly : kernelOnly) {
    if (given(name))
      throw configInvalid(`--${name}`, `only with --dataplane ${kernel ? "workers" : "kernel"}`, args[name]);
  }
  if (kernel && args["once"] === true && args["watch"] === true) {
    throw configInvalid("--once", "one of --once and --watch", "both");
  }
  if (kernel && args["config"] === undefined && (args["mode"] === "ipvs" || args["mode"] === "userspace")) {
    throw configInvalid("--mode", "iptables or nftables with --dataplane kernel", args["mode"]);
  }
  if (!kernel && args["mode"] === "nftables") {
    throw configInvalid("--mode", "userspace, iptables or ipvs with --dataplane workers", args["mode"]);
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
    .option("bind", {
      ...oneOf(
        "bind",
        "where services listen: on loopback, or at their own addresses; cluster IPs are made local to this host (root)",
        ["loopback", "cluster-ips"],
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
    .option(
      "modern",
      trueOrFalse("modern", "mode userspace: half-close, parallel accepts and long idle times, unlike kube-proxy 1.25"),
    )
    .option("udp-idle-ms", {
      ...wholeNumber("udp-idle-ms", "forget a UDP flow after this long", { min: 1, max: 86_400_000 }),
      defaultDescription: "the mode's own",
    });
}
