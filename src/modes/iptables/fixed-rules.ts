import { type Cidr, parseCidr } from "../../net/cidr.ts";
import type { RuleContext } from "./context.ts";
import { append, type TableDraft } from "./draft.ts";
import { comment, states } from "./matches.ts";
import type { Match } from "./ruleset.ts";

export const LOCALNET: Cidr = parseCidr("127.0.0.0/8");
const isInvalid = states("INVALID");

/** The rules that do masquerading, and set the mark that asks for it. */
export function addMasquerading(nat: TableDraft, { mark, randomFully }: RuleContext): void {
  append(nat, "KUBE-POSTROUTING", [{ kind: "mark", value: mark, mask: mark, not: true }], { kind: "return" });
  // Taken off again, or a packet that comes by once more would be masqueraded once more.
  append(nat, "KUBE-POSTROUTING", [], { kind: "mark", value: mark, mask: 0 });
  append(nat, "KUBE-POSTROUTING", [comment("kubernetes service traffic requiring SNAT")], {
    kind: "masquerade",
    randomFully,
  });
  append(nat, "KUBE-MARK-MASQ", [], { kind: "mark", value: mark, mask: mark });
}

/** While node ports answer on loopback, no other host may reach 127.0.0.0/8 by routing (CVE-2020-8558). */
export function addLocalnetGuard(filter: TableDraft, { localhostNodePorts }: RuleContext): void {
  if (!localhostNodePorts) return;
  append(
    filter,
    "KUBE-FIREWALL",
    [
      comment("block incoming localnet connections"),
      { kind: "destination", range: LOCALNET },
      { kind: "source", range: LOCALNET, not: true },
      { kind: "conntrack-state", states: ["RELATED", "ESTABLISHED", "DNAT"], not: true },
    ],
    { kind: "drop" },
  );
}

/** Lets service traffic through a FORWARD chain whose policy is DROP. */
export function addForwarding(filter: TableDraft, { mark, tcpBeLiberal, nfacct }: RuleContext): void {
  // A packet that conntrack calls invalid would leave with its NAT undone, and reset the connection.
  const counted: Match[] = nfacct ? [{ kind: "nfacct", counter: "ct_state_invalid_dropped_pkts" }] : [];
  if (!tcpBeLiberal) append(filter, "KUBE-FORWARD", [isInvalid, ...counted], { kind: "drop" });
  append(filter, "KUBE-FORWARD", [comment("kubernetes forwarding rules"), { kind: "mark", value: mark, mask: mark }], {
    kind: "accept",
  });
  append(filter, "KUBE-FORWARD", [comment("kubernetes forwarding conntrack rule"), states("RELATED", "ESTABLISHED")], {
    kind: "accept",
  });
}
