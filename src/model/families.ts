import { type Cidr, tryParseCidr } from "../net/cidr.ts";
import { type Family, familyOf, type Ip, tryParseIp } from "../net/ip.ts";

/** The address, if the text is one and of this family. */
export function ipOfFamily(text: string, family: Family): Ip | undefined {
  const ip = tryParseIp(text);
  return ip !== undefined && familyOf(ip) === family ? ip : undefined;
}

/** The addresses of one family, in the order given. What is no address is left out: the API server lets such text pass. */
export function ipsOfFamily(texts: readonly string[], family: Family): readonly Ip[] {
  return texts.map((text) => ipOfFamily(text, family)).filter((ip) => ip !== undefined);
}

/** The ranges of one family, in the order given. Blanks around a range are cut, what is no range is left out. */
export function cidrsOfFamily(texts: readonly string[], family: Family): readonly Cidr[] {
  return texts
    .map((text) => tryParseCidr(text.trim()))
    .filter((cidr) => cidr !== undefined && familyOf(cidr.base) === family) as Cidr[];
}
