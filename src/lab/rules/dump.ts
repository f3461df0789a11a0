/**
 * A dump of a kernel's rules in the form in which two of them are compared: what carries no meaning is gone. A block is
 * a chain, a set or a map, named with its table; its lines are in order where their order counts, else sorted.
 */
export type CanonicalDump = ReadonlyMap<string, readonly string[]>;
