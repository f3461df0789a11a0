import { exec, execOk } from "../../src/host/exec.ts";

/** A network namespace of a test's own, in which loopback is up. */
export interface Namespace {
  /** A command that becomes the one behind it, in the namespace. */
  readonly through: readonly ["ip", "netns", "exec", string];
  /** Runs a command in it that has to succeed. @returns its standard output. */
  run(...argv: readonly string[]): Promise<string>;
  /** Its local addresses in order of text, loopback's own left out. */
  localAddresses(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** @returns why this host cannot make one, where it cannot. */
export async function openNamespace(name: string): Promise<Namespace | string> {
  if (process.getuid?.() !== 0) return "not root";
  try {
    const { exitCode, stderr } = await exec(["ip", "netns", "add", name]);
    if (exitCode !== 0) return stderr.trim();
  } catch (error) {
    return (error as Error).message;
  }
  const through = ["ip", "netns", "exec", name] as const;
  const run: Namespace["run"] = (...argv) => execOk([...through, ...argv], { timeoutMs: 100_000 });
  await run("ip", "link", "set", "lo", "up");
  return {
    through,
    run,
    async localAddresses() {
      const list = (family: string) => run("ip", family, "-json", "route", "show", "table", "local", "type", "local");
      const texts = await Promise.all(["-4", "-6"].map(list));
      const all = texts.flatMap((text) => JSON.parse(text || "[]") as { dst: string }[]).map(({ dst }) => dst);
      return all.filter((dst) => !dst.startsWith("127.") && dst !== "::1").sort();
    },
    async close() {
      await execOk(["ip", "netns", "delete", name]);
    },
  };
}
