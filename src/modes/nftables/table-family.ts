import type { Family } from "../../net/ip.ts";
import type { Table } from "./ruleset.ts";

/** The IP family that a compiled table serves. */
export function familyOfTable({ family }: Table): Family {
  return family === "ip6" ? 6 : 4;
}
