import type { Argv } from "yargs";
import { trueOrFalse } from "./boolean-option.ts";

/** `sluice cleanup`: removes everything that `run` programs into this host's kernel. */
export function addCleanupCommand(argv: Argv): void {
  argv.command(
    "cleanup",
    "remove the rules of every mode from this host's kernel (root)",
    (options) =>
      options
        .option("all", trueOrFalse("all", "also the chain KUBE-FIREWALL, which a kubelet on this host shares"))
        .epilogue(
          "Removes what kube-proxy --cleanup removes, whoever programmed it: chains, jumps, nftables' tables, IPVS's virtual servers, sets and addresses. Rules of anybody else stay.",
        ),
    async (args) => {
      const { cleanup } = await import("./cleanup.ts");
      await cleanup(args);
    },
  );
}
