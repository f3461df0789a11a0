import type { Walk } from "../walk.ts";
import type { SetTest } from "../ip-sets.ts";

/** Whether a condition holds for the packet of a walk; undefined: nobody can tell. */
export type Condition = (walk: Walk) => boolean | undefined;

/** How a condition is to be asked. */
export interface PreparedCondition {
  readonly holds: Condition;
  /** It draws or remembers: it is asked after all that only look, as each rule has them in order. */
  readonly acts: boolean;
  /** What cannot be told, in words, where `holds` gives undefined. */
  readonly doubt: string;
}

/** What conditions are decided by, besides the packet. */
export interface ConditionContext {
  /** Sets by name; undefined: nobody gave any. */
  readonly sets: ReadonlyMap<string, SetTest> | undefined;
  /** For how long any rule asks for addresses of a list of `-m recent`; undefined: none asks with a time. */
  recentSeconds(list: string): number | undefined;
}

export function looking(holds: Condition, doubt = ""): PreparedCondition {
  return { holds, acts: false, doubt };
}

export function acting(holds: Condition): PreparedCondition {
  return { holds, acts: true, doubt: "" };
}

/** Nobody can tell, whatever the packet. */
export function unknowable(doubt: string): PreparedCondition {
  return { holds: () => undefined, acts: false, doubt };
}

/** Turns a condition round; what nobody can tell stays so. */
export function inverted({ holds, acts, doubt }: PreparedCondition): PreparedCondition {
  return {
    acts,
    doubt,
    holds: (walk) => {
      const answer = holds(walk);
      return answer === undefined ? undefined : !answer;
    },
  };
}

/** All of several answers: false wins over what nobody can tell. */
export function every(answers: readonly (boolean | undefined)[]): boolean | undefined {
  if (answers.includes(false)) return false;
  return answers.includes(undefined) ? undefined : true;
}
