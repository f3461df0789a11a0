import { createMessage, ECHO, numberMessage } from "../message.ts";
import { answerReader } from "./answer.ts";
import type { Connection } from "./connection.ts";
import type { Lane, LaneRun } from "./lane.ts";
import { persistentLane } from "./persistent-lane.ts";

/** `tcp-request-response`: one request after the other on a connection that stays open. */
export function keptLane(run: LaneRun, number: number): Lane {
  const request = createMessage(ECHO, number, run.task.messageBytes);
  const answer = answerReader(request);
  let sequence = 0;
  let sentMs = 0;

  const send = (connection: Connection): void => {
    if (!run.isOpen()) return connection.end();
    numberMessage(request, sequence++);
    answer.reset();
    sentMs = run.nowMs();
    connection.send(request);
  };
  return persistentLane(run, number, {
    start: send,
    data(connection, chunk) {
      const state = answer.take(chunk);
      if (state === "more") return;
      if (state === "wrong") return connection.fail("wrong");
      run.answered(run.nowMs() - sentMs);
      run.completed(1);
      send(connection);
    },
  });
}
