/** Dumps of a kernel with portal rules, as they are compared. */
import { type Dump, readDump } from "../../support/normalize-iptables.ts";

/** A proxy port is chosen by chance: it is named by the service in the rule's comment. */
function nameProxyPorts(text: string): string {
  return text
    .split("\n")
    .map((line) => {
      const service = /--comment "?([^" ]+)"? /.exec(line)?.[1];
      const inTarget = line.replace(/(--to-ports |--to-destination \S+:)\d+$/, `$1<${service}>`);
      return line.startsWith("-A KUBE-NODEPORT-NON-LOCAL ")
        ? inTarget.replace(/--dport \d+/, `--dport <${service}>`)
        : inTarget;
    })
    .join("\n");
}

/** Services come one after the other, each with its rules in a fixed order. */
export const byService = (chain: string): boolean => !chain.includes("/KUBE-");

/** What a dump says besides the kernel's own chains, all of which accept. */
export function programmed(text: string): Dump {
  const dump = readDump(nameProxyPorts(text));
  const bare = [...dump].filter(([, { policy, rules }]) => policy === "ACCEPT" && rules.length === 0);
  for (const [chain] of bare) dump.delete(chain);
  return dump;
}
