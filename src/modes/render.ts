import { assertNever } from "../core/errors.ts";
import type { Ip, Ip4 } from "../net/ip.ts";
import { renderIptables } from "./iptables/render.ts";
import { renderIpvs } from "./ipvs/render.ts";
import type { Program } from "./program.ts";
import { allocateProxyPorts, renderUserspace } from "./userspace/render.ts";

/** One text that a command of the host takes on its standard input. */
export interface KernelInput {
  /** `iptables IPv4`, `ipvs IPv6`, … */
  readonly name: string;
  readonly command: readonly string[];
  readonly text: string;
}

/** What the userspace mode's portal rules depend on besides the program. */
export interface RenderOptions {
  /**
   * The first proxy port; each forward has the next one.
   * @default 40_000, above the node ports and clear of what kube-proxy's own servers listen on
   */
  proxyPortBase?: number;
  /**
   * The address that the proxy's sockets are bound to.
   * @default 0.0.0.0, as kube-proxy
   */
  bindIp?: Ip;
  /**
   * Where the host itself reaches the proxy: the node's own address.
   * @default 127.0.0.1
   */
  hostIp?: Ip;
}

const ANY = 0 as Ip4;
const LOOPBACK = 0x7f000001 as Ip4;

/**
 * The program as the kernel's own input, one text for each command that must be run.
 *
 * @throws {SluiceError} RULE_TEXT_INVALID for a name or comment that could be read as more than one argument;
 *   CONFIG_INVALID when the userspace mode's proxy ports do not fit.
 */
export function renderProgram(program: Program, options: RenderOptions = {}): readonly KernelInput[] {
  switch (program.mode) {
    case "userspace": {
      const { proxyPortBase = 40_000, bindIp = ANY, hostIp = LOOPBACK } = options;
      const ports = allocateProxyPorts(program.table, proxyPortBase);
      const text = renderUserspace(program.table, { ports, bindIp, hostIp });
      return [{ name: "userspace portals", command: restore(4), text }];
    }
    case "iptables":
      return program.rulesets.map((ruleset) => ({
        name: `iptables IPv${ruleset.family}`,
        command: restore(ruleset.family),
        text: renderIptables(ruleset, "restore"),
      }));
    case "ipvs":
      return program.tables.map((tables) => ({
        name: `ipvs IPv${tables.family}`,
        command: ["ipvsadm", "-R"],
        text: renderIpvs(tables),
      }));
    default:
      return assertNever(program);
  }
}

function restore(family: 4 | 6): readonly string[] {
  return [family === 4 ? "iptables-restore" : "ip6tables-restore", "--noflush"];
}
