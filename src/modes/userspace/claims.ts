import { sameIp } from "../../net/ip.ts";
import type { Claim } from "./forward-table.ts";

/** The sockets that a node holds, handed out in order: who asks first has the address. */
export interface Claims {
  readonly all: readonly Claim[];
  /** @returns whether the forward has the address now; another one's socket there, or at all addresses, keeps it out. */
  take(claim: Claim): boolean;
}

/** Source: kube-proxy 1.25, pkg/proxy/userspace/proxier.go, `claimNodePort`; the kernel's rules of binding. */
export function createClaims(): Claims {
  const byPort = new Map<string, Claim[]>();
  const all: Claim[] = [];
  return {
    all,
    take(claim) {
      const { name, proto, addr } = claim;
      const key = `${proto} ${addr.port}`;
      const atPort = byPort.get(key) ?? [];
      if (atPort.some((other) => other.name === name && sameIp(other.addr.ip, addr.ip))) return true;
      if (atPort.some((other) => addr.ip === 0 || other.addr.ip === 0 || sameIp(other.addr.ip, addr.ip))) return false;
      byPort.set(key, [...atPort, claim]);
      all.push(claim);
      return true;
    },
  };
}
