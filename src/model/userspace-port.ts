import type { SocketAddr } from "../net/flow.ts";
import type { AddressedPort } from "./addressed-port.ts";

/** A service port as kube-proxy's userspace mode (up to 1.25) knew it: no policies, no topology, one family. */
export interface UserspacePort extends AddressedPort {
  /** 0: none. */
  readonly affinitySeconds: number;
  /** Ready addresses, sorted by the text of `ip:port`. */
  readonly endpoints: readonly SocketAddr[];
}
