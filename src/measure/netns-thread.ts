import { fileURLToPath } from "node:url";
import { startProgram } from "../host/exec.ts";
import { inNetns } from "../host/netns.ts";
import { threadFile } from "../host/thread-file.ts";
import { createInbox } from "./inbox.ts";
import type { Thread, ThreadOptions } from "./thread.ts";

/** What the process of a thread is told. */
export type HostRequest =
  | { readonly kind: "start"; readonly file: string; readonly workerData: unknown }
  | { readonly kind: "tell"; readonly request: unknown }
  | { readonly kind: "busy" };

/** What it says. */
export type HostReply =
  | { readonly kind: "said"; readonly reply: unknown }
  | { readonly kind: "busy"; readonly share: number }
  | { readonly kind: "failed"; readonly message: string };

/** A thread in a network namespace: a process is its host, and passes on what both sides say. */
export function startThreadIn<Request, Reply>(
  netns: string,
  file: URL,
  { workerData }: ThreadOptions,
): Thread<Request, Reply> {
  const hostFile = fileURLToPath(threadFile(import.meta.url, "netns-program"));
  const program = startProgram<HostRequest, HostReply>(inNetns(netns, [process.execPath, hostFile]));
  const replies = createInbox<Reply>();
  const shares = createInbox<number>();
  const fail = (error: Error): void => {
    replies.fail(error);
    shares.fail(error);
  };
  program.onMessage((heard) => {
    if (heard.kind === "said") replies.put(heard.reply as Reply);
    else if (heard.kind === "busy") shares.put(heard.share);
    else fail(new Error(heard.message));
  });
  const untilEnded = async (): Promise<void> => {
    const said = (await program.ended).trim() || "it said nothing";
    fail(new Error(`the process of ${file.pathname} in ${netns} has ended: ${said}`));
  };
  const ended = untilEnded();
  program.say({ kind: "start", file: file.href, workerData });
  return {
    next: replies.next,
    tell: (request) => program.say({ kind: "tell", request }),
    busyShare() {
      const share = shares.next();
      program.say({ kind: "busy" });
      return share;
    },
    ended,
  };
}
