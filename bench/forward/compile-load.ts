import { readdirSync } from "node:fs";
import { join } from "node:path";
import { execOk } from "../../src/host/exec.ts";
import { inProject } from "../../test/support/root.ts";

/** Compiles the load generator and its backends. @returns the program's path. */
export async function compileLoad(folder: string): Promise<string> {
  const load = join(folder, "load");
  const sources = readdirSync(inProject("native", "load")).filter((file) => file.endsWith(".c"));
  const paths = sources.map((file) => inProject("native", "load", file));
  await execOk(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", load, ...paths], { timeoutMs: 120_000 });
  return load;
}
