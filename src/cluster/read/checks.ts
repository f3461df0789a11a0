import { tryParseCidr } from "../../net/cidr.ts";
import { tryParseIp } from "../../net/ip.ts";

/** What a field must be: in words, and as a function that gives undefined for anything else. */
export interface Check<T> {
  readonly expected: string;
  read(value: unknown): T | undefined;
}

export const text: Check<string> = {
  expected: "a string",
  read: (value) => (typeof value === "string" ? value : undefined),
};

export const flag: Check<boolean> = {
  expected: "true or false",
  read: (value) => (typeof value === "boolean" ? value : undefined),
};

/** A whole number. @param expected says so in words. */
function wholeNumber(least: number, most: number, expected: string): Check<number> {
  return {
    expected,
    read: (value) =>
      Number.isInteger(value) && least <= Number(value) && Number(value) <= most ? Number(value) : undefined,
  };
}

export const port = wholeNumber(1, 65535, "a port in 1…65535");
/** For ports whose 0 means: none. */
export const portOrNone = wholeNumber(0, 65535, "a port in 1…65535, or 0 for none");
export const seconds = wholeNumber(0, 2 ** 31 - 1, "whole seconds in 0…2147483647");

/** A text that passes a test; the other side of its name is what it must not carry on into rules and commands. */
function textLike(expected: string, test: (text: string) => boolean): Check<string> {
  return { expected, read: (value) => (typeof value === "string" && test(value) ? value : undefined) };
}

/** One of some names. */
export function oneOf<const T extends string>(...names: readonly T[]): Check<T> {
  const expected = names.length === 1 ? names[0]! : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
  return { expected, read: (value) => names.find((name) => name === value) };
}

export const protocol = oneOf("TCP", "UDP", "SCTP");

export const ipAddress = textLike("an IPv4 or IPv6 address", (value) => tryParseIp(value) !== undefined);
export const clusterIpAddress = textLike(
  'an IPv4 or IPv6 address, "None" or ""',
  (value) => value === "" || value === "None" || tryParseIp(value) !== undefined,
);
export const addressRange = textLike("a range such as 10.0.0.0/8", (value) => tryParseCidr(value) !== undefined);

/** RFC 1123 label, as Kubernetes' `IsDNS1123Label`. */
const isLabel = (value: string): boolean => value.length <= 63 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(value);
/** RFC 1123 subdomain, as Kubernetes' `IsDNS1123Subdomain`, which does not limit its labels. */
const isSubdomain = (value: string): boolean =>
  value.length <= 253 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/.test(value);
const CHARACTERS = "lower-case letters, digits and inner dashes";

export const label = textLike(`a name of 1…63 ${CHARACTERS}`, isLabel);
export const labelOrEmpty = textLike(`a name of 0…63 ${CHARACTERS}`, (value) => value === "" || isLabel(value));
export const subdomain = textLike(`a name of 1…253 ${CHARACTERS}, in parts between dots`, isSubdomain);

/** A kind is a label too, in CamelCase. */
export const kindName = textLike("a kind such as Service", (value) =>
  /^[A-Za-z](?:[-A-Za-z0-9]{0,61}[A-Za-z0-9])?$/.test(value),
);
export const apiVersion = textLike("a version such as v1 or apps/v1", (value) =>
  /^(?:[a-z0-9][-.a-z0-9]{0,252}\/)?[a-z0-9][-a-z0-9]{0,62}$/.test(value),
);
