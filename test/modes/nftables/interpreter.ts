/** What the kernel does with a transaction, and when it refuses one. */
import assert from "node:assert/strict";
import { elementsByKey } from "../../../src/modes/nftables/element-key.ts";
import type { Chain, Element, NamedSet, Rule, Table } from "../../../src/modes/nftables/ruleset.ts";
import type { Command, Transaction } from "../../../src/modes/nftables/transaction.ts";

interface State {
  readonly sets: Map<string, NamedSet>;
  readonly chains: Map<string, Chain>;
}

/** @param before undefined: there is no such table. @throws {AssertionError} for what the kernel would refuse. */
export function perform(before: Table | undefined, { table, commands }: Transaction): Table {
  let state = before === undefined ? undefined : stateOf(before);
  for (const command of commands) {
    if (command.kind === "add-table") state ??= { sets: new Map(), chains: new Map() };
    else {
      assert.ok(state !== undefined, `${command.kind} before the table is there`);
      if (command.kind === "delete-table") state = undefined;
      else performOne(state, command);
    }
  }
  assert.ok(state !== undefined);
  assertReferences(state);
  const { family, name } = table;
  return { family, name, sets: [...state.sets.values()], chains: [...state.chains.values()], objects: [] };
}

/** A table without order where it means nothing, and without what cannot be changed. */
export function comparable({ family, name, sets, chains }: Table): unknown {
  return {
    family,
    name,
    sets: Object.fromEntries(sets.map((set) => [set.name, comparableSet(set)])),
    chains: Object.fromEntries(chains.map(({ name: chain, base, rules }) => [chain, { base, rules }])),
  };
}

function comparableSet(set: NamedSet): unknown {
  const { key, data, flags, size, timeoutSeconds } = set;
  return { key, data, flags, size, timeoutSeconds, elements: elementsByKey(set, set.elements) };
}

function stateOf({ sets, chains }: Table): State {
  return { sets: new Map(sets.map((set) => [set.name, set])), chains: new Map(chains.map((one) => [one.name, one])) };
}

function performOne(state: State, command: Exclude<Command, { kind: "add-table" | "delete-table" }>): void {
  const { sets, chains } = state;
  switch (command.kind) {
    case "add-chain": {
      const { name, base } = command.chain;
      if (chains.has(name)) assert.deepEqual(chains.get(name)!.base, base);
      else chains.set(name, { ...command.chain, rules: [] });
      break;
    }
    case "flush-chain":
      chains.set(command.name, { ...existing(chains, command.name), rules: [] });
      break;
    case "delete-chain":
      existing(chains, command.name);
      chains.delete(command.name);
      assert.ok(!references(state).chains.has(command.name), `${command.name} is in use`);
      break;
    case "add-set": {
      const { name } = command.set;
      sets.set(name, { ...command.set, elements: sets.get(name)?.elements ?? [] });
      break;
    }
    case "delete-set":
      existing(sets, command.set.name);
      sets.delete(command.set.name);
      assert.ok(!references(state).sets.has(command.set.name), `${command.set.name} is in use`);
      break;
    case "add-element": {
      const { known, key, set } = elementOf(sets, command.set, command.element);
      assert.ok(!known.has(key), `${set.name} has ${key} already`);
      sets.set(set.name, { ...set, elements: [...set.elements, command.element] });
      break;
    }
    case "delete-element": {
      const { known, key, set } = elementOf(sets, command.set, command.element);
      assert.ok(known.delete(key), `${set.name} has no ${key}`);
      sets.set(set.name, { ...set, elements: [...known.values()] });
      break;
    }
    case "add-rule": {
      const chain = existing(chains, command.chain);
      chains.set(command.chain, { ...chain, rules: [...chain.rules, command.rule] });
      assertReferences(state, [command.rule]);
      break;
    }
    default:
      assert.fail(`no test has ${command.kind}`);
  }
}

function elementOf(sets: State["sets"], { name }: NamedSet, element: Element) {
  const set = existing(sets, name);
  const [key] = elementsByKey(set, [element]).keys();
  return { set, key: key!, known: new Map(elementsByKey(set, set.elements)) };
}

function existing<T>(list: ReadonlyMap<string, T>, name: string): T {
  const one = list.get(name);
  assert.ok(one !== undefined, `there is no ${name}`);
  return one;
}

/** All names that are asked for must be there. */
function assertReferences(state: State, rules?: readonly Rule[]): void {
  const named = references(state, rules);
  for (const chain of named.chains) assert.ok(state.chains.has(chain), `no chain ${chain}`);
  for (const set of named.sets) assert.ok(state.sets.has(set), `no set ${set}`);
}

/** The chains and sets that rules, or all rules and elements, lead to. */
function references({ sets, chains }: State, rules?: readonly Rule[]) {
  const found = { chains: new Set<string>(), sets: new Set<string>() };
  const searched: unknown[] = rules === undefined ? [...sets.values(), ...chains.values()] : [rules];
  for (const value of searched) {
    if (typeof value !== "object" || value === null) continue;
    const { kind, chain, set } = value as Record<string, unknown>;
    if (kind === "jump" || kind === "goto") found.chains.add(chain as string);
    if (kind === "set-reference" || kind === "set-update") found.sets.add(set as string);
    searched.push(...Object.values(value));
  }
  return found;
}
