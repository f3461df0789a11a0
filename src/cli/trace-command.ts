import type { Argv } from "yargs";
import { trueOrFalse } from "./boolean-option.ts";
import { clusterOptions } from "./cluster-options.ts";
import { wholeNumber } from "./number-option.ts";
import { modeOptions } from "./mode-options.ts";
import { outputOption } from "./output-option.ts";

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
        .option("iptables-save", file("what iptables-save printed (or iptables -S), in place of a cluster's rules"))
        .option("ip6tables-save", file("what ip6tables-save printed"))
        .option("nft-json", file("what nft -j list ruleset printed"))
        .option("ipvs", file("what ipvsadm -S -n printed (or ipvsadm -L -n)"))
        .option("ipvs-connections", file("what ipvsadm -L -n -c printed: connections and templates of IPVS"))
        .option("ipset", file("what ipset save printed (or ipset list)"))
        .option("conntrack", file("what conntrack -L printed: the connections that are open"))
        .option("ip-addr", file("what ip -d -j addr printed (or ip addr): the node's interfaces"))
        .option("ip-route", file("what ip -j route printed (or ip route): the node's routes"))
        .option(
          "later",
          wholeNumber("later", "how many seconds after the dumps the packet comes", { min: 0, max: 1e9 }),
        )
        .option(
          "conntrack-max",
          wholeNumber("conntrack-max", "how many connections conntrack may have (nf_conntrack_max)", {
            min: 1,
            max: 1e9,
          }),
        )
        .option("tcp-flags", {
          describe: "flags of the packet, such as SYN,ACK",
          type: "string",
          requiresArg: true,
          defaultDescription: "SYN, or what comes next of a connection that is open",
        })
        .option(
          "length",
          wholeNumber("length", "octets of the packet with its IP header, for rules that ask for them", {
            min: 20,
            max: 65_535,
          }),
        )
        .option("icmp-about", {
          describe: "the packet is an ICMP error (port unreachable) about this one: FROM,TO[/tcp|udp|sctp]",
          type: "string",
          requiresArg: true,
        })
        .option("live", trueOrFalse("live", "take all of these from this host, now; nothing is changed"))
        .option("in-interface", {
          describe: "where the packet comes in",
          type: "string",
          requiresArg: true,
          defaultDescription: "by the way back to the client",
        })
        .option("all", trueOrFalse("all", "list every service port with its verdict; --to is not needed"))
        .option("rules", trueOrFalse("rules", "show every rule that was looked at"))
        .option("svg", file("draw the way through hooks and chains into this file"))
        .option("o", outputOption())
        .example("$0 trace --from 10.244.1.9 --to 10.96.0.10:53/udp", "a DNS query of a pod")
        .example("$0 trace --iptables-save dump.txt --from 10.0.0.7 --to 10.96.0.1:443", "through a pasted dump"),
    async (args) => {
      const { trace } = await import("./trace.ts");
      process.stdout.write(await trace(args));
    },
  );
}
