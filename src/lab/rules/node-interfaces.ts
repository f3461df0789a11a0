import { SluiceError } from "../../core/errors.ts";
import type { CommandResult } from "../../host/exec.ts";
import type { Recording } from "./recording.ts";

type Run = (argv: readonly string[], input?: string) => Promise<CommandResult>;

/** Gives an empty namespace what the node of a recording has before kube-proxy comes. */
export async function setUpNode(run: Run, { interfaces, iptablesBefore }: Recording): Promise<void> {
  const lines = interfaces.flatMap(({ name, addresses }) => [
    `link add ${name} type veth peer name ${name}p`,
    `link set dev ${name} addrgenmode none`,
    `link set dev ${name}p addrgenmode none`,
    `link set ${name} up`,
    `link set ${name}p up`,
    ...addresses.map((address) => `addr add ${address} dev ${name}${address.includes(":") ? " nodad" : ""}`),
  ]);
  await okay(run, ["ip", "-batch", "-"], `link set lo up\n${lines.join("\n")}\n`);
  // A node without such an address has no such route.
  await run(["ip", "route", "add", "default", "via", "192.168.10.1"]);
  await run(["ip", "-6", "route", "add", "default", "via", "fd00:192:168:10::1"]);
  await run(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
  if (iptablesBefore !== undefined) await run(["iptables-restore"], iptablesBefore);
}

/** Takes its interfaces away again, with their addresses and routes. */
export async function takeInterfaces(run: Run, { interfaces }: Recording): Promise<void> {
  const lines = interfaces.map(({ name }) => `link delete ${name}\n`);
  await okay(run, ["ip", "-batch", "-"], lines.join(""));
}

/** @throws {SluiceError} COMMAND_FAILED. @returns its standard output. */
export async function okay(run: Run, argv: readonly [string, ...string[]], input = ""): Promise<string> {
  const { exitCode, stdout, stderr } = await run(argv, input);
  if (exitCode === 0) return stdout;
  throw new SluiceError("COMMAND_FAILED", `${argv.join(" ")}: ${stderr.trim()}`, { argv, exitCode, stderr });
}
