import { createSocket, type Socket } from "node:dgram";
import { createMessage, ECHO, numberMessage } from "../message.ts";
import { requestsPerFlow } from "../work.ts";
import type { Lane, LaneRun } from "./lane.ts";
import type { LoadErrors } from "./task.ts";

/**
 * `udp-request-response`: one datagram after the other, with a new flow every so many requests; `udp-first-datagram`: with
 * a new flow for each. A lost
 * datagram is a time-out; the lane then goes on with a new flow, so that an answer that is only late has nowhere to
 * arrive.
 *
 * Each flow has a client address of its own. Ports alone would come back within a run, and a proxy that still remembers
 * the old flow would, rightly, not choose anew.
 */
export function udpLane(run: LaneRun, number: number): Lane {
  const request = createMessage(ECHO, number, run.task.messageBytes);
  const mostOnFlow = requestsPerFlow(run.task.work);
  let sequence = 0;
  let flows = 0;
  let sentOnFlow = 0;
  let waitingSinceMs: number | undefined;
  let socket: Socket | undefined;
  let begun = false;

  let dueMs = 0;
  let withdraw = (): void => {};

  const close = (): void => {
    withdraw();
    waitingSinceMs = undefined;
    socket?.close();
    socket = undefined;
  };
  const fail = (error: keyof LoadErrors): void => {
    run.failed(error);
    close();
    if (begun) next();
  };
  const send = (mine: Socket, due: number): void => {
    dueMs = due;
    numberMessage(request, sequence++);
    if (sentOnFlow === 0) run.opened();
    sentOnFlow += 1;
    waitingSinceMs = run.nowMs();
    mine.send(request);
  };
  const take = (answer: Buffer): void => {
    run.received(answer.length);
    if (waitingSinceMs === undefined || !answer.equals(request)) return fail("wrong");
    run.answered(run.nowMs() - dueMs);
    run.completed(1);
    waitingSinceMs = undefined;
    next();
  };
  const open = (): Promise<void> =>
    new Promise((resolve) => {
      const { host, port } = run.nextTarget();
      const mine = createSocket(host.includes(":") ? "udp6" : "udp4");
      socket = mine;
      sentOnFlow = 0;
      mine.on("message", (answer) => {
        if (socket === mine) take(answer);
      });
      const broken = ({ code }: NodeJS.ErrnoException): void => {
        resolve();
        if (socket === mine) fail(code === "ECONNREFUSED" ? "refused" : "dropped");
      };
      mine.on("error", broken);
      mine.bind(0, clientAddress(host, number, flows++));
      mine.connect(port, host, (error?: Error) => {
        if (error !== undefined) return broken(error);
        resolve();
        if (socket === mine && begun) next();
      });
    });
  const end = (): void => {
    close();
    run.ended(number);
  };
  const next = (): void => {
    if (!run.isOpen()) return end();
    if (socket !== undefined && sentOnFlow < mostOnFlow) {
      const mine = socket;
      withdraw = run.turn((due) => send(mine, due), end);
      return;
    }
    close();
    void open();
  };

  return {
    open,
    begin() {
      begun = true;
      next();
    },
    get waitingSinceMs() {
      return waitingSinceMs;
    },
    giveUp: () => fail("timedOut"),
    abort() {
      close();
      run.ended(number);
    },
  };
}

/**
 * Where flows come from that go to other places than loopback: reserved addresses (RFC 1112, class E), which no cluster
 * has. A namespace that a generator sends from has all of them as its own.
 */
export const FLOW_RANGE = "240.0.0.0/8";

/** Addresses that repeat only after 256 flows of a lane, and after 65 000 lanes. */
function clientAddress(host: string, lane: number, flow: number): string {
  const net = host.startsWith("127.") ? 127 : 240;
  const block = 1 + (lane % 65_000);
  return `${net}.${block >>> 8}.${block & 255}.${flow & 255}`;
}
