/** Compares as Go compares strings: by code, whatever the language of the host. For `sort`. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The order of service ports: name, then protocol number. The two together tell service ports apart. */
export function compareServicePorts(a: Identity, b: Identity): number {
  return compareText(a.name, b.name) || a.proto - b.proto;
}

interface Identity {
  readonly name: string;
  readonly proto: number;
}
