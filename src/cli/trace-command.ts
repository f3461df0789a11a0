import type { Argv } from "yargs";
import { trueOrFalse } from "./boolean-option.ts";
import { oneOf } from "./choice-option.ts";
import { clusterOptions } from "./cluster-options.ts";
import { modeOptions } from "./mode-options.ts";
import { wholeNumber } from "./number-option.ts";

/** An option that names a file. */
function file(describe: string) {
  return { describe, type: "string", requiresArg: true } as const;
}

/** `sluice trace`: where does this packet go, why, and how likely. */
export function addTraceCommand(argv: Argv): void {
  argv.command(
    "trace",
    "where does this packet go, why, and how likely: through a cluster's rules, or through pasted dumps",
    (options) =>
      modeOptions(clusterOptions(options))
        .option("from", {
          describe: "the client: IP[:PORT]; an IPv6 address in brackets before a port",
          type: "string",
          demandOption: true,
          requiresArg: true,
        })
        .option("to", {
          describe: "where the packet is sent: IP:PORT[/tcp|udp|sctp]",
          type: "string",
          requiresArg: true,
        })
        .option("iptables-save", file("what iptables-save printed, in place of a cluster's rules"))
        .option("ip6tables-save", file("what ip6tables-save printed"))
        .option("nft-json", file("what nft -j list ruleset printed"))
        .option("ipvs", file("what ipvsadm -S -n printed"))
        .option("ipset", file("what ipset save printed"))
        .option("conntrack", file("what conntrack -L printed: the connections that are open"))
        .option("ip-addr", file("what ip -j addr printed: the node's interfaces"))
        .option("ip-route", file("what ip -j route printed: the node's routes"))
        .option("live", trueOrFalse("live", "take all of these from this host, now; nothing is changed"))
        .option("in-interface", {
          describe: "where the packet comes in",
          type: "string",
          requiresArg: true,
          defaultDescription: "by the way back to the client",
        })
        .option("seed", wholeNumber("seed", "mode userspace: of the random picks", { min: 0, max: 2 ** 32 - 1 }))
        .option("all", trueOrFalse("all", "list every service port with its verdict; --to is not needed"))
        .option("rules", trueOrFalse("rules", "show every rule that was looked at"))
        .option("svg", file("draw the way through hooks and chains into this file"))
        .option("o", { alias: "output", ...oneOf("o", "form", ["table", "json"]), default: "table" as const })
        .example("$0 trace --from 10.244.1.9 --to 10.96.0.10:53/udp", "a DNS query of a pod")
        .example("$0 trace --iptables-save dump.txt --from 10.0.0.7 --to 10.96.0.1:443", "through a pasted dump"),
    async (args) => {
      const { trace } = await import("./trace.ts");
      process.stdout.write(await trace(args));
    },
  );
}
