import type { Expression, Statement } from "../../../../modes/nftables/ruleset.ts";
import type { Family } from "../../../../net/ip.ts";
import { isDeciding } from "./raw-payload.ts";

/** Fields of headers that no rule and no route goes by. */
const idleFields: ReadonlySet<string> = new Set(
  "dscp ecn ttl tos hoplimit flowlabel id checksum window sequence ackseq urgptr".split(" "),
);
/** What else may be set and changes nothing about where a packet goes. */
const idleMeta: ReadonlySet<string> = new Set(["priority", "nftrace", "secmark"]);
const idleConnection: ReadonlySet<string> = new Set(["label", "helper", "event", "secmark"]);

/**
 * Whether a statement sets something that nothing here goes by. The marks are another matter, which is followed; any other
 * value that is set is not.
 */
export function isIdle({ target }: Extract<Statement, { readonly kind: "mangle" }>, family: Family): boolean {
  switch (target.kind) {
    case "payload":
      return idleFields.has(target.field);
    case "payload-raw":
      return !isDeciding(family, target.base, target.offset, target.bits);
    case "meta":
      return idleMeta.has(target.key);
    case "ct":
      return idleConnection.has(target.key);
    default:
      return isOption(target);
  }
}

/** An option of TCP: its largest segment, for one. */
function isOption(target: Expression): boolean {
  return (
    target.kind === "unknown" &&
    typeof target.json === "object" &&
    target.json !== null &&
    Object.hasOwn(target.json, "tcp option")
  );
}
