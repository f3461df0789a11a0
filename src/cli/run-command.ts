import type { Argv } from "yargs";
import { clusterOptions } from "./cluster-options.ts";
import { modeOptions } from "./mode-options.ts";
import { wholeNumber } from "./number-option.ts";

/** `sluice run`: forwards real traffic until stopped. */
export function addRunCommand(argv: Argv): void {
  argv.command(
    "run",
    "forward real traffic until stopped",
    (options) =>
      workersOptions(modeOptions(clusterOptions(options)))
        .option("watch", { describe: "follow the files as they change", type: "boolean", default: false })
        .option("drain-seconds", {
          ...wholeNumber("drain-seconds", "after SIGTERM: wait this long for open connections", {
            min: 0,
            max: 86_400,
          }),
          defaultDescription: "30",
        })
        .option("o", {
          alias: "output",
          describe: "form",
          choices: ["table", "json"] as const,
          default: "table" as const,
        })
        .example("$0 run -f cluster.yaml --mode ipvs --watch", "every service on loopback, rules follow the file"),
    async (args) => {
      const { run } = await import("./run.ts");
      await run(args);
    },
  );
}

function workersOptions<T>(argv: Argv<T>) {
  return argv
    .option("dataplane", {
      describe: "what carries it out",
      choices: ["workers"] as const,
      default: "workers" as const,
      requiresArg: true,
    })
    .option("workers", {
      ...wholeNumber("workers", "worker threads", { min: 1, max: 64 }),
      defaultDescription: "processors - 1",
    })
    .option("bind", {
      describe: "where services listen: on loopback, or at their own addresses, made local to this host (root)",
      choices: ["loopback", "cluster-ips"] as const,
      default: "loopback" as const,
      requiresArg: true,
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
    .option("modern", {
      describe: "mode userspace: half-close, parallel accepts and long idle times, unlike kube-proxy 1.25",
      type: "boolean",
      default: false,
    })
    .option("udp-idle-ms", {
      ...wholeNumber("udp-idle-ms", "forget a UDP flow after this long", { min: 1, max: 86_400_000 }),
      defaultDescription: "the mode's own",
    });
}
