import { execNow, execOk } from "./exec.ts";

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

/** Those that are open: a process that ends by itself, as at a second Ctrl-C, takes them away on its way out. */
const open = new Set<string>();
let watching = false;

function watchExit(): void {
  if (watching) return;
  watching = true;
  process.on("exit", () => {
    for (const name of open) execNow(["ip", "netns", "delete", name]);
  });
}

/**
 * Makes an empty network namespace; its loopback is down. It goes when this process ends, at the latest; not when it is
 * killed.
 *
 * @param name must be free.
 * @throws {SluiceError} COMMAND_FAILED, also without the right to; HOST_UNABLE when there is no `ip`.
 */
export async function createNetns(name: string): Promise<Netns> {
  watchExit();
  await execOk(["ip", "netns", "add", name]);
  open.add(name);
  let closed = false;
  return {
    name,
    async close() {
      if (closed) return;
      closed = true;
      open.delete(name);
      await execOk(["ip", "netns", "delete", name]);
    },
  };
}
