/**
 * A ruleset as the objects of `nft -j list ruleset`, as nft 1.0.6 writes them: the way back from `parseNftables`. Nothing
 * in src needs it; it is here to prove that nothing is lost on the way in.
 */
import { formatAddress } from "../../../src/modes/nftables/address.ts";
import type {
  Chain,
  Element,
  Expression,
  NamedSet,
  NftablesRuleset,
  Rule,
  Statement,
  Table,
} from "../../../src/modes/nftables/ruleset.ts";

type Json = Readonly<Record<string, unknown>>;

/** Tables, each before its objects, sets, chains and rules. */
export function toJson({ tables }: NftablesRuleset): readonly Json[] {
  return tables.flatMap(tableObjects);
}

function tableObjects(table: Table): readonly Json[] {
  const { family, name, comment, flags, others, objects, sets, chains } = table;
  const place = { family, table: name };
  return [
    { table: defined({ family, name, comment, flags, ...others }) },
    ...objects.map((object) => ({ [object.type]: { ...place, name: object.name, ...object.members } })),
    ...sets.map((set) => ({ [set.data === undefined ? "set" : "map"]: { ...place, ...setBody(set) } })),
    ...chains.map((chain) => ({ chain: { ...place, ...chainBody(chain) } })),
    ...chains.flatMap((chain) =>
      chain.rules.map((rule) => ({ rule: { ...place, chain: chain.name, ...ruleBody(rule) } })),
    ),
  ];
}

function setBody({
  name,
  key,
  data,
  flags,
  timeoutSeconds,
  gcIntervalSeconds,
  size,
  comment,
  statements,
  elements,
  others,
}: NamedSet) {
  return defined({
    name,
    type: key.length > 1 ? key : key[0],
    map: data?.join(" . "),
    flags: flags.length === 0 ? undefined : flags,
    timeout: timeoutSeconds,
    "gc-interval": gcIntervalSeconds,
    size,
    comment,
    elem: elements.length === 0 ? undefined : elements.map(elementJson),
    stmt: statements?.map(statementJson),
    ...others,
  });
}

function chainBody({ name, base, comment, others }: Chain): Json {
  if (base === undefined) return defined({ name, comment, ...others });
  const { type, hook, priority, policy, devices } = base;
  return defined({ name, type, hook, prio: priority, policy, dev: devices && oneOrAll(devices), comment, ...others });
}

function ruleBody({ statements, comment, others }: Rule): Json {
  return defined({ comment, expr: statements.map(statementJson), ...others });
}

function elementJson({ key, data, comment, timeoutSeconds, expiresSeconds, statements = [] }: Element): unknown {
  const about = defined({
    timeout: timeoutSeconds,
    expires: expiresSeconds,
    comment,
    ...Object.assign({}, ...statements.map(statementJson)),
  });
  const val = expressionJson(key);
  const whole = Object.keys(about).length === 0 ? val : { elem: { val, ...about } };
  return data === undefined ? whole : [whole, expressionJson(data)];
}

function expressionJson(expression: Expression): unknown {
  switch (expression.kind) {
    case "ip":
      return formatAddress(expression.ip);
    case "cidr":
      return { prefix: { addr: formatAddress(expression.range.base), len: expression.range.bits } };
    case "number":
    case "flag":
      return expression.value;
    case "prefix":
      return { prefix: { addr: expression.value, len: expression.bits } };
    case "text":
      return expression.text;
    case "range":
      return { range: [expressionJson(expression.from), expressionJson(expression.to)] };
    case "list":
      return expression.items.map(expressionJson);
    case "payload":
      return { payload: { protocol: expression.protocol, field: expression.field } };
    case "payload-raw":
      return { payload: { base: expression.base, offset: expression.offset, len: expression.bits } };
    case "meta":
      return { meta: { key: expression.key } };
    case "ct": {
      const { kind: _, ...body } = expression;
      return { ct: body };
    }
    case "fib":
      return { fib: { result: expression.result, flags: expression.flags } };
    case "numgen":
      return { numgen: { mode: expression.mode, mod: expression.mod, offset: expression.offset } };
    case "jhash": {
      const { mod, seed, offset, of } = expression;
      return { jhash: defined({ mod, seed, offset: offset || undefined, expr: expressionJson(of) }) };
    }
    case "symhash":
      return { symhash: defined({ mod: expression.mod, offset: expression.offset || undefined }) };
    case "concat":
      return { concat: expression.parts.map(expressionJson) };
    case "binary":
      return { [expression.operator]: expression.operands.map(expressionJson) };
    case "set":
      return { set: expression.elements.map(elementJson) };
    case "set-reference":
      return `@${expression.set}`;
    case "map":
      return { map: { key: expressionJson(expression.key), data: expressionJson(expression.data) } };
    case "unknown":
      return expression.json;
    case "jump":
    case "goto":
      return { [expression.kind]: { target: expression.chain } };
    default:
      return { [expression.kind]: null };
  }
}

function statementJson(statement: Statement): Json {
  switch (statement.kind) {
    case "match": {
      const { operator: op, left, right } = statement;
      return { match: { op, left: expressionJson(left), right: expressionJson(right) } };
    }
    case "vmap":
      return { vmap: { key: expressionJson(statement.key), data: expressionJson(statement.data) } };
    case "mangle":
      return { mangle: { key: expressionJson(statement.target), value: expressionJson(statement.value) } };
    case "set-update": {
      const { operation: op, set, element } = statement;
      return { set: { op, elem: elementJson(element), set: `@${set}` } };
    }
    case "nat": {
      const { type, family, address, port, flags } = statement;
      return { [type]: defined({ family, ...placeBody(address, port), flags: oneOrAll(flags) }) };
    }
    case "masquerade":
    case "redirect": {
      const body = defined({ ...placeBody(undefined, statement.port), flags: oneOrAll(statement.flags) });
      return { [statement.kind]: Object.keys(body).length === 0 ? null : body };
    }
    case "reject":
      return {
        reject: statement.type === undefined ? null : defined({ type: statement.type, expr: statement.reason }),
      };
    case "counter":
      return {
        counter: statement.packets === undefined ? null : { packets: statement.packets, bytes: statement.bytes },
      };
    case "counter-reference":
      return { counter: statement.counter };
    case "limit": {
      const { rate, burst, per, over: inv, rateUnit: rate_unit, burstUnit: burst_unit } = statement;
      return { limit: defined({ rate, burst, per, inv, rate_unit, burst_unit }) };
    }
    case "log":
      return { log: Object.keys(statement.options).length === 0 ? null : statement.options };
    case "notrack":
      return { notrack: null };
    default:
      return expressionJson(statement) as Json;
  }
}

function placeBody(address: Expression | undefined, port: Expression | undefined): Json {
  return { addr: address && expressionJson(address), port: port && expressionJson(port) };
}

/** A list of one is that one; an empty one is nothing. */
function oneOrAll(list: readonly string[]): unknown {
  return list.length < 2 ? list[0] : list;
}

function defined(members: Json): Json {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
