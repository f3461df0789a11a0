import { assertNever } from "../core/errors.ts";
import type { Family } from "../net/ip.ts";
import { familyOfTable } from "./nftables/table-family.ts";
import type { Program } from "./program.ts";

/** The part of a program that serves one IP family; undefined where the mode does not serve it at all. */
export function ofFamily(program: Program, family: Family): Program | undefined {
  switch (program.mode) {
    case "userspace":
      return family === 4 ? program : undefined;
    case "iptables":
      return { ...program, rulesets: program.rulesets.filter((ruleset) => ruleset.family === family) };
    case "nftables": {
      const tables = program.ruleset.tables.filter((table) => familyOfTable(table) === family);
      return { ...program, ruleset: { tables } };
    }
    case "ipvs":
      return { ...program, tables: program.tables.filter((tables) => tables.family === family) };
    default:
      return assertNever(program);
  }
}
