import { connect } from "node:net";
import { systemClock } from "../../core/clock.ts";
import type { LoadTarget } from "../load/task.ts";
import { createMessage, ECHO, HEADER_BYTES } from "../message.ts";
import { ANSWER_BYTES, readAnswer } from "./endpoint-answer.ts";
import type { Asked } from "./probe.ts";

/** A connection on which one request at a time is asked. */
export interface Talk {
  /** Gone, or going: nothing can be asked on it any more. */
  readonly ended: boolean;
  /** @param timeoutMs counts from when it was due. @param told once. */
  ask(number: number, dueMs: number, timeoutMs: number, told: (asked: Asked) => void): void;
  close(): void;
}

/** What is being asked. */
interface Question {
  readonly request: Buffer;
  readonly dueMs: number;
  readonly told: (asked: Asked) => void;
  readonly late: NodeJS.Timeout;
}

/** Connects. @param source the address to come from; undefined: the system chooses. */
export function openTalk(target: LoadTarget, source?: string): Talk {
  const socket = connect({ ...target, noDelay: true, ...(source === undefined ? {} : { localAddress: source }) });
  let question: Question | undefined;
  let ended = false;
  let answer = Buffer.alloc(0);

  const settle = (outcome: Asked["outcome"], endpoint?: number): void => {
    if (question === undefined) return;
    const { dueMs, told, late } = question;
    question = undefined;
    clearTimeout(late);
    told({ dueMs, endedMs: systemClock.nowMs(), outcome, endpoint, source });
  };
  const fail = (outcome: Asked["outcome"]): void => {
    ended = true;
    socket.destroy();
    settle(outcome);
  };
  socket.on("data", (chunk) => {
    if (question === undefined) return fail("wrong");
    answer = Buffer.concat([answer, chunk]);
    if (answer.length < ANSWER_BYTES) return;
    const endpoint = readAnswer(question.request, answer);
    answer = Buffer.alloc(0);
    if (endpoint === undefined) return fail("wrong");
    settle("answered", endpoint);
  });
  socket.on("error", ({ code }: NodeJS.ErrnoException) => fail(code === "ECONNREFUSED" ? "refused" : "dropped"));
  socket.on("end", () => fail("dropped"));
  socket.on("close", () => fail("dropped"));
  return {
    get ended() {
      return ended;
    },
    ask(number, dueMs, timeoutMs, told) {
      const request = createMessage(ECHO, number, HEADER_BYTES);
      const late = setTimeout(() => fail("timedOut"), Math.max(dueMs + timeoutMs - systemClock.nowMs(), 0));
      question = { request, dueMs, told, late };
      socket.write(request);
    },
    close() {
      ended = true;
      socket.end();
    },
  };
}
