import { execOk } from "./exec.ts";

type Argv = readonly [string, ...string[]];

/** A network namespace of our own. */
export interface Netns {
  readonly name: string;
  /** Takes it away, with all that is in it. Safe to call twice. */
  close(): Promise<void>;
}

/** The command, run inside a network namespace. @param netns its name; undefined: the one that we are in. */
export function inNetns(netns: string | undefined, argv: Argv): Argv {
  return netns === undefined ? argv : ["ip", "netns", "exec", netns, ...argv];
}

/**
 * Makes an empty network namespace; its loopback is down.
 *
 * @param name must be free.
 * @throws {SluiceError} COMMAND_FAILED, also without the right to; HOST_UNABLE when there is no `ip`.
 */
export async function createNetns(name: string): Promise<Netns> {
  await execOk(["ip", "netns", "add", name]);
  let closed = false;
  return {
    name,
    async close() {
      if (closed) return;
      closed = true;
      await execOk(["ip", "netns", "delete", name]);
    },
  };
}
