import type { Argv } from "yargs";
import { trueOrFalse } from "./boolean-option.ts";
import { oneOf } from "./choice-option.ts";
import { addBenchSubcommands } from "./bench-subcommands.ts";
import { clusterOptions } from "./cluster-options.ts";
import { rulesOptions } from "./mode-options.ts";
import { wholeNumber } from "./number-option.ts";
import { outputOption } from "./output-option.ts";

/** Options of measuring, which comparing and reporting do not have. */
const ownOptions =
  "f file hostname-override cluster-cidr masquerade-all plan list subjects works service services budget-seconds precision-percent workers engine generator kube-proxy message-bytes seed out html o output".split(
    " ",
  );

/** `sluice bench`: the modes side by side on the same work. */
export function addBenchCommand(argv: Argv): void {
  argv.command(
    "bench",
    "compare the modes on the same work, next to a direct connection",
    (options) =>
      ofThisCommandOnly(
        rulesOptions(clusterOptions(addBenchSubcommands(options)))
          .option("plan", {
            describe: "a plan by name, or a file that has one: what it says, other options override",
            type: "string",
            requiresArg: true,
            defaultDescription: "quick",
          })
          .option("list", trueOrFalse("list", "list the plans with their time budgets, and measure nothing"))
          .option("subjects", {
            describe:
              "what to compare with direct: userspace, iptables, nftables, ipvs-rr, …, also with @kernel or @emulated",
            type: "string",
            array: true,
            requiresArg: true,
            defaultDescription: "all",
          })
          .option("works", {
            describe:
              "tcp-connect-request-close, tcp-request-response, tcp-bulk, udp-request-response, tcp-connect, udp-first-datagram; with @RATE, as many are due a second",
            type: "string",
            array: true,
            requiresArg: true,
            defaultDescription: "all",
          })
          .option("service", {
            describe: "NAMESPACE/NAME[:PORT] to measure",
            type: "string",
            requiresArg: true,
            defaultDescription: "the TCP and the UDP port with the most endpoints",
          })
          .option("services", {
            describe:
              "numbers of services, as 10,1000: clusters of these sizes are generated, for subjects with @kernel",
            type: "string",
            requiresArg: true,
            defaultDescription: "none: the cluster that is given is measured",
          })
          .option("budget-seconds", {
            ...wholeNumber("budget-seconds", "how long the run may take; what is done by then is the result", {
              min: 1,
              max: 86_400,
            }),
            defaultDescription: "80",
          })
          .option("precision-percent", {
            ...wholeNumber("precision-percent", "ends early when every ratio is known so well; 0: never", {
              min: 0,
              max: 100,
            }),
            defaultDescription: "2",
          })
          .option("workers", {
            ...wholeNumber("workers", "worker threads of each dataplane", { min: 1, max: 64 }),
            defaultDescription: "processors - 2, at least 1, at most 4",
          })
          .option("engine", {
            ...oneOf("engine", "what moves the bytes of each dataplane: C and epoll, or Node's own sockets", [
              "native",
              "node",
            ]),
            defaultDescription: "native where it is built",
          })
          .option("generator", {
            ...oneOf("generator", "what makes the load: C and epoll, or Node's own sockets", ["native", "node"]),
            defaultDescription: "native where it is built",
          })
          .option("kube-proxy", {
            describe:
              "a kube-proxy binary to measure beside the subjects: mode iptables, in network namespaces, with a stand-in for the API server (root)",
            type: "string",
            requiresArg: true,
          })
          .option("message-bytes", {
            ...wholeNumber("message-bytes", "size of a request and of its answer", { min: 16, max: 60_000 }),
            defaultDescription: "64",
          })
          .option("seed", {
            ...wholeNumber("seed", "of the order, the random picks and the intervals", { min: 0, max: 2 ** 32 - 1 }),
            defaultDescription: "a fresh one",
          })
          .option("out", {
            describe: "where the whole result is written, as JSON",
            type: "string",
            requiresArg: true,
            defaultDescription: "results/bench-TIME.json",
          })
          .option("html", {
            describe: "a file for the report, as one HTML page that needs no network",
            type: "string",
            requiresArg: true,
          })
          .option("o", outputOption())
          .example("$0 bench", "the example cluster, all modes, in a minute and a half")
          .example(
            "$0 bench -f cluster.yaml --subjects iptables ipvs-rr --service default/web",
            "two modes, one service",
          )
          .example("$0 bench --plan latency --html report.html", "waiting times at a fixed rate, as a page"),
      ),
    async (args) => {
      const { bench } = await import("./bench.ts");
      process.exitCode = await bench(args);
    },
  );
}

/** The types of yargs do not know the second argument. */
function ofThisCommandOnly<T>(argv: Argv<T>): Argv<T> {
  (argv as unknown as { global(names: readonly string[], isGlobal: boolean): void }).global(ownOptions, false);
  return argv;
}
