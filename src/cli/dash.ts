/** No argument of a process can hold this character. */
const SHIELD = "\u0000";

/** yargs takes a lone `-` for an option, and never as the value of a list; this keeps it a value. */
export function shieldDash(word: string): string {
  return word === "-" ? `${SHIELD}-` : word;
}

export function unshieldDash(word: string): string {
  return word.startsWith(SHIELD) ? word.slice(SHIELD.length) : word;
}
