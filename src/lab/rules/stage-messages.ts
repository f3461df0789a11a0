import type { CommandResult } from "../../host/exec.ts";

/** What a program that stays in a network namespace is told. */
export type StageRequest =
  /** Run a command there, or do what a process of `sluice` with these words would do there. */
  | {
      readonly what: "command" | "sluice";
      readonly id: number;
      readonly argv: readonly string[];
      readonly input: string;
    }
  /** To whatever `sluice` does there: stop, as at SIGTERM. */
  | { readonly what: "stop" }
  /** Nothing more is wanted. */
  | { readonly what: "end" };

/** What it answers to a request by its number. */
export type StageReply =
  | { readonly id: number; readonly result: CommandResult }
  /** `sluice` has said this, and goes on. */
  | { readonly id: number; readonly stderr: string };
