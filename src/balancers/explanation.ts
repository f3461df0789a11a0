/** Why the next flow goes where it goes. Plain data. */
export interface Explanation {
  /** The slot that a pick would give now, or NO_BACKEND; undefined where chance decides. */
  readonly slot: number | undefined;
  /** The rule that decides, in one sentence, with its ties. */
  readonly rule: string;
  /** What was looked at, in that order: all that was compared, or the entries of a table that were hit. */
  readonly candidates: readonly Candidate[];
}

/** A slot that was looked at. */
export interface Candidate {
  /** A slot of the set. */
  readonly slot: number;
  /** The figure that was compared: an overhead, a delay, a chance, the number of a table entry. */
  readonly value: number;
  /** What the figure is, and why it counted or did not. */
  readonly meaning: string;
}
