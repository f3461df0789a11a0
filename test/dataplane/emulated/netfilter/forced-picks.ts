/** Rulesets whose random picks are made to come out in each way in turn, in the kernel and in the emulator alike. */

/** A place of a rule where it draws: what it is called, and of how many values. */
export interface Draw {
  readonly name: string;
  readonly size: number;
}

/** Which value each rule is made to draw. */
export type Values = ReadonlyMap<string, number>;

/**
 * Every way through the picks that a packet meets, as the values that lead there.
 *
 * @param met the random rules that it passes under these values, in order; what has no value draws 0.
 * @returns undefined when there are more than `most`.
 */
export function waysThrough(met: (values: Values) => readonly Draw[], most: number): readonly Values[] | undefined {
  const ways: Values[] = [];
  const open: Values[] = [new Map()];
  for (let values = open.pop(); values !== undefined; values = open.pop()) {
    if (ways.length + open.length >= most) return undefined;
    const known = values;
    const next = met(known).find(({ name }) => !known.has(name));
    if (next === undefined) ways.push(known);
    else for (let value = 0; value < next.size; value += 1) open.push(new Map([...known, [next.name, value]]));
  }
  return ways;
}

const RANDOM = /-m statistic --mode random --probability [\d.]+/;

/** What always or never holds is no pick. */
const OPEN = /-m statistic --mode random --probability 0\.(?!0+(?:\s|$))\d+/;

/** Gives each rule of iptables that draws a comment that is its name. */
export function nameDraws(rules: string): string {
  let number = 0;
  return rules
    .split("\n")
    .map((line) => line.replace(OPEN, (match) => `${match} -m comment --comment pick${(number += 1)}`))
    .join("\n");
}

/** Where a rule of iptables draws. */
export function drawsOf(rule: string): readonly Draw[] {
  const name = RANDOM.test(rule) ? /--comment "?(pick\d+)"?/.exec(rule)?.[1] : undefined;
  return name === undefined ? [] : [{ name, size: 2 }];
}

/** 0: the rule's condition holds; 1: it does not. */
export function forceIptables(rules: string, values: Values): string {
  return rules
    .split("\n")
    .map((line) => {
      const value = values.get(drawsOf(line)[0]?.name ?? "");
      const probability = value === 0 ? "1.00000000000" : "0.00000000000";
      return value === undefined
        ? line
        : line.replace(RANDOM, `-m statistic --mode random --probability ${probability}`);
    })
    .join("\n");
}

const NUMGEN = /numgen random mod (\d+)/g;

/** Where a rule of nftables draws, by its comment. */
export function nftDrawsOf(rule: string): readonly Draw[] {
  const name = /comment "(r\d+)"/.exec(rule)?.[1];
  // Those that are forced already are counted, or the others would change their names.
  return [...rule.matchAll(/numgen (?:random mod (\d+)|inc mod 1\b)/g)].flatMap(([, size], at) =>
    size === undefined ? [] : [{ name: `${name}.${at}`, size: Number(size) }],
  );
}

/** A counter below 1 and an offset: one value and no other. */
export function forceNftables(rules: string, values: Values): string {
  return rules
    .split("\n")
    .map((line) => {
      const draws = nftDrawsOf(line).map(({ name }) => values.get(name));
      return line.replace(NUMGEN, (random) => {
        const value = draws.shift();
        return value === undefined ? random : `numgen inc mod 1 offset ${value}`;
      });
    })
    .join("\n");
}

/** The same in what `nft -j` lists. */
export function forceNftJson(listed: string, values: Values): string {
  const { nftables } = JSON.parse(listed) as { readonly nftables: readonly { rule?: { comment?: string } }[] };
  const objects = nftables.map((object) => {
    let at = 0;
    return JSON.stringify(object).replace(/"numgen":\{"mode":"random","mod":\d+,"offset":0\}/g, (random) => {
      const value = values.get(`${object.rule?.comment}.${at++}`);
      return value === undefined ? random : `"numgen":{"mode":"inc","mod":1,"offset":${value}}`;
    });
  });
  return `{"nftables":[${objects.join(",")}]}`;
}
