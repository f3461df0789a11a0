import { rm } from "node:fs/promises";
import { SluiceError } from "../../core/errors.ts";
import { type CommandResult, exec, execOk, startProgram } from "../../host/exec.ts";
import { comparedSysctls } from "./compare-state.ts";
import { dumpNode } from "./node-dump.ts";
import { okay, setUpNode, takeInterfaces } from "./node-interfaces.ts";
import { freeName, makeFolder, type RecordedNode, type RunningSluice } from "./recorded-node.ts";
import type { Recording } from "./recording.ts";
import type { StageReply, StageRequest } from "./stage-messages.ts";

/**
 * A network namespace for one recording after another, each of which finds it as if it were new; and in it a program
 * that does what processes of `sluice` would be started for.
 */
export interface LastingNode {
  /** At most one at a time is open. @throws {SluiceError} COMMAND_FAILED where something of the one before is left. */
  open(recording: Recording): Promise<RecordedNode>;
  close(): Promise<void>;
}

/**
 * Whether such a namespace can be had back as it was: of iptables' legacy back end and of what commands do that are no
 * kube-proxy's something might stay.
 */
export function leavesNothing({ legacy, iptablesBefore, stages }: Recording): boolean {
  return !legacy && iptablesBefore === undefined && stages.every(({ action }) => action?.action !== "exec");
}

/**
 * @param program the words that start that program.
 * @throws {SluiceError} HOST_UNABLE, COMMAND_FAILED where a namespace cannot be made: it takes root.
 */
export async function openLastingNode(program: readonly [string, ...string[]]): Promise<LastingNode> {
  const name = freeName();
  await execOk(["ip", "netns", "add", name]);
  const inside = startInside(["ip", "netns", "exec", name, ...program]);
  const run = (argv: readonly string[], input = ""): Promise<CommandResult> => inside.ask("command", argv, { input });
  const readSettings = async (): Promise<readonly string[]> => {
    const values = await okay(run, ["sysctl", "-n", ...comparedSysctls]);
    return values.trim().split("\n");
  };
  const initial = await readSettings();
  const empty = async (before: Recording): Promise<void> => {
    await okay(run, ["nft", "flush", "ruleset"]);
    // Counters, flows: a host may have no such thing.
    await run(["nfacct", "flush"]);
    await run(["conntrack", "-F"]);
    await okay(run, ["sysctl", "-qw", ...comparedSysctls.map((setting, i) => `${setting}=${initial[i]}`)]);
    await takeInterfaces(run, before);
    await requireEmpty(run);
  };
  return {
    async open(recording) {
      await setUpNode(run, recording);
      const folder = await makeFolder();
      return {
        folder,
        run,
        sluice: (argv) => inside.ask("sluice", argv),
        follow: (argv) => inside.follow(argv),
        dump: (artifact, onlyOurs) => dumpNode(run, artifact, onlyOurs),
        async close() {
          await rm(folder, { recursive: true, force: true });
          await empty(recording);
        },
      };
    },
    async close() {
      await inside.close();
      await exec(["ip", "netns", "delete", name]);
    },
  };
}

async function requireEmpty(run: RecordedNode["run"]): Promise<void> {
  const { stdout: rules } = await run(["nft", "list", "ruleset"]);
  const { stdout: counters } = await run(["nfacct", "list"]);
  const left = `${rules}${counters}`.trim();
  if (left === "") return;
  const what = `left in a namespace after it was emptied: ${left}`;
  throw new SluiceError("COMMAND_FAILED", what, { argv: ["nft", "flush", "ruleset"], exitCode: 0, stderr: left });
}

interface Inside {
  ask(what: "command" | "sluice", argv: readonly string[], how?: Asked): Promise<CommandResult>;
  follow(argv: readonly string[]): RunningSluice;
  close(): Promise<void>;
}

interface Asked {
  readonly input?: string;
  readonly onStderr?: (text: string) => void;
}

function startInside(argv: readonly [string, ...string[]]): Inside {
  const program = startProgram<StageRequest, StageReply>(argv);
  const waiting = new Map<number, { resolve(result: CommandResult): void; onStderr(text: string): void }>();
  let last = 0;
  let ended: CommandResult | undefined;
  program.onMessage((reply) => {
    const asker = waiting.get(reply.id);
    if ("stderr" in reply) return asker?.onStderr(reply.stderr);
    waiting.delete(reply.id);
    asker?.resolve(reply.result);
  });
  const noteEnd = async (): Promise<void> => {
    ended = { exitCode: null, stdout: "", stderr: `the program in the namespace has ended: ${await program.ended}` };
    for (const { resolve } of waiting.values()) resolve(ended);
  };
  void noteEnd();
  const ask: Inside["ask"] = (what, words, { input = "", onStderr = () => {} } = {}) =>
    new Promise((resolve) => {
      if (ended !== undefined) return resolve(ended);
      const id = (last += 1);
      waiting.set(id, { resolve, onStderr });
      program.say({ what, id, argv: words, input });
    });
  return {
    ask,
    follow(words) {
      let said = "";
      let over = false;
      const end = ask("sluice", words, { onStderr: (text) => (said += text) }).then((result) => {
        said = result.stderr;
        over = true;
        return result.exitCode;
      });
      return {
        get ended() {
          return over;
        },
        stdout: () => "",
        stderr: () => said,
        stop() {
          if (!over) program.say({ what: "stop" });
          return end;
        },
      };
    },
    async close() {
      program.say({ what: "end" });
      await program.ended;
    },
  };
}
