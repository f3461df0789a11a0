/** A step from a map or list to one of its members. */
export type Key = string | number;

/** One document of a text, and where its fields stand in that text. */
export interface TextDocument {
  /** Maps, lists, strings, numbers, booleans and null. */
  readonly value: unknown;
  /** For a list whose items are read one by one, so that only one is in memory: `value.items` is then null. */
  readonly items?: Iterable<TextDocument>;
  /**
   * Where the value at the path begins, from the document's root; where it is missing, the nearest map or list around
   * it. An offset into the whole text, in UTF-16 units. May parse the document again: for errors only.
   */
  offsetOf(path: readonly Key[]): number;
}

/** Something in the text that cannot stand there. `withPlaces` turns it into INPUT_INVALID. */
export class TextFault extends Error {
  readonly offset: number;
  /** `items[3].spec.ports`; empty where no field is meant. */
  readonly field: string;
  readonly expected: string;
  readonly received: string;

  constructor(fault: { offset: number; field?: string; expected: string; received: string }) {
    super(`expected ${fault.expected}, got ${fault.received}`);
    this.offset = fault.offset;
    this.field = fault.field ?? "";
    this.expected = fault.expected;
    this.received = fault.received;
  }
}
