import type { Argv } from "yargs";
import { clusterOptions } from "./cluster-options.ts";
import { modeOptions } from "./mode-options.ts";

/** `sluice render`: the program of a mode as the kernel's own input. */
export function addRenderCommand(argv: Argv): void {
  argv.command(
    "render",
    "print the mode's program as the kernel's own input",
    (options) =>
      modeOptions(clusterOptions(options))
        .option("family", { describe: "only this IP family", choices: ["ipv4", "ipv6"] as const, requiresArg: true })
        .example("$0 render --mode iptables -f cluster.yaml", "what iptables-restore would be given"),
    async (args) => {
      const { render } = await import("./render.ts");
      process.stdout.write(await render(args));
    },
  );
}
