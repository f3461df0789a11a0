import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { SluiceError } from "../../core/errors.ts";
import { type RunningCommand, startCommand } from "../../host/exec.ts";
import { threadFile } from "../../host/thread-file.ts";
import type { SocketAddr } from "../../net/flow.ts";
import { parseIp } from "../../net/ip.ts";

/** An endpoint in a process of its own, at an address of loopback of its own. */
export interface EndpointProcess {
  readonly number: number;
  readonly addr: SocketAddr;
  /** It is gone at once, with all its connections. */
  kill(): Promise<void>;
  /** It stands still; the kernel goes on taking connections for it. */
  freeze(): void;
  thaw(): void;
  /** Once it is gone: starts it anew at the same address. Resolves when it listens. */
  restart(): Promise<void>;
  /** As Kubernetes ends a container: it may finish what it has begun. Resolves when it is gone, at the latest soon. */
  terminate(): Promise<void>;
}

export interface EndpointProcesses {
  /** Starts one more, with the next number; resolves when it listens. @param serviceMs how long it takes over a request. */
  start(serviceMs?: number): Promise<EndpointProcess>;
  /** Ends all of them. */
  close(): Promise<void>;
}

const START_MS = 10_000;
const LOOK_MS = 2;
/** A container that has not ended by then is killed. */
const GRACE_MS = 1000;
/** Addresses of three digits an octet keep the order of the endpoints when they are sorted as texts. */
const FIRST_OCTET = 100;
const ADDRESSES_AN_OCTET = 155;

export function createEndpointProcesses(): EndpointProcesses {
  const running = new Set<RunningCommand>();
  let next = 0;
  const open = async (argv: readonly string[]): Promise<RunningCommand> => {
    const program = fileURLToPath(threadFile(import.meta.url, "../tasks/serve-endpoint"));
    const command = startCommand([process.execPath, program, ...argv], { ownGroup: true });
    running.add(command);
    await untilReady(command);
    return command;
  };
  const end = async (command: RunningCommand, signal: NodeJS.Signals): Promise<void> => {
    await command.stop(signal, GRACE_MS);
    running.delete(command);
  };
  return {
    async start(serviceMs = 0) {
      const number = next++;
      const host = `127.20.${FIRST_OCTET + Math.floor(number / ADDRESSES_AN_OCTET)}.${FIRST_OCTET + (number % ADDRESSES_AN_OCTET)}`;
      const rest = [String(number), String(serviceMs)];
      let command = await open([host, "0", ...rest]);
      const port = Number(command.stdout());
      return {
        number,
        addr: { ip: parseIp(host), port },
        kill: () => end(command, "SIGKILL"),
        freeze: () => process.kill(command.pid!, "SIGSTOP"),
        thaw: () => process.kill(command.pid!, "SIGCONT"),
        async restart() {
          command = await open([host, String(port), ...rest]);
        },
        terminate: () => end(command, "SIGTERM"),
      };
    },
    async close() {
      await Promise.all([...running].map((command) => end(command, "SIGKILL")));
    },
  };
}

async function untilReady(command: RunningCommand): Promise<void> {
  for (let waitedMs = 0; !command.stdout().endsWith("\n"); waitedMs += LOOK_MS) {
    if (command.ended || waitedMs >= START_MS) {
      const message = `an endpoint does not start: ${command.stderr().trim()}`;
      throw new SluiceError("HOST_UNABLE", message, { missing: "a process that listens on loopback" });
    }
    await sleep(LOOK_MS);
  }
}
