import type { Argv } from "yargs";
import { oneOf } from "./choice-option.ts";
import { clusterOptions } from "./cluster-options.ts";
import { modeOptions } from "./mode-options.ts";

/** `sluice render`: the program of a mode as the kernel's own input. */
export function addRenderCommand(argv: Argv): void {
  argv.command(
    "render",
    "print the mode's program as the kernel's own input",
    (options) =>
      modeOptions(clusterOptions(options))
        .option("family", oneOf("family", "only this IP family", ["ipv4", "ipv6"]))
        .option("format", {
          ...oneOf(
            "format",
            "restore: to be loaded by the command above it; save: as the kernel then lists it; json: as data",
            ["restore", "save", "json"],
          ),
          defaultDescription: "restore",
        })
        .option("o", {
          alias: "output",
          ...oneOf("o", "the program as data: what --format json prints, or the same as YAML", ["json", "yaml"]),
          conflicts: "format",
        })
        .example("$0 render --mode iptables -f cluster.yaml", "what iptables-restore would be given")
        .example("$0 render --format save --family ipv4", "what iptables-save would print of it"),
    async (args) => {
      const { render } = await import("./render.ts");
      process.stdout.write(await render(args));
    },
  );
}
