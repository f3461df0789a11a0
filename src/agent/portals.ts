import { configInvalid } from "../core/errors.ts";
import type { Dataplane, Frontend } from "../dataplane/dataplane.ts";
import type { KernelDataplane } from "../dataplane/kernel/kernel.ts";
import type { ForwardTable } from "../modes/userspace/forward-table.ts";

/** A proxy of the userspace mode whose services are reached at their own addresses. */
export interface PortalsDataplane extends Dataplane {
  /** @returns false when somebody took the rules away; the next apply puts them back. */
  intact(): Promise<boolean>;
  /** Takes the rules away, so that nobody new comes. Safe to call twice. */
  withdraw(): Promise<void>;
}

/**
 * Two dataplanes as one, as kube-proxy's userspace mode was one: the first accepts at the proxy ports and holds the node
 * ports, the second has a kernel lead the traffic for services there. Sockets first: no rule leads where nobody listens.
 *
 * @param sockets listens at the addresses of its frontends as they are.
 */
export function createPortalsDataplane(
  sockets: Dataplane,
  kernel: Pick<KernelDataplane, "apply" | "intact" | "withdraw" | "close">,
): PortalsDataplane {
  return {
    name: sockets.name,
    async apply(program, plan) {
      if (program.mode !== "userspace") throw configInvalid("mode", "userspace, which has portals", program.mode);
      await sockets.apply(program, { ...plan, frontends: socketsOf(program.table) });
      await kernel.apply(program, plan);
    },
    intact: () => kernel.intact(),
    withdraw: () => kernel.withdraw(),
    async close() {
      try {
        await kernel.withdraw();
      } finally {
        await kernel.close();
        await sockets.close();
      }
    },
  };
}

/** Proxy ports, then what is held so that nobody else has it: rules redirect its traffic before it gets there. */
function socketsOf({ forwards, claims, bindIp }: ForwardTable): readonly Frontend[] {
  return [
    ...forwards.map(({ name, proto, proxyPort }): Frontend => {
      return { servicePort: name, kind: "proxy-port", proto, addr: { ip: bindIp, port: proxyPort } };
    }),
    ...claims.map(({ name, proto, addr }): Frontend => ({ servicePort: name, kind: "node-port", proto, addr })),
  ];
}
