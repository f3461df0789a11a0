import { fileURLToPath } from "node:url";
import { threadFile } from "../../host/thread-file.ts";
import type { RecordedNode } from "./recorded-node.ts";
import type { HttpAnswer } from "./recorded-state.ts";

/** Asks each URL once, from inside the node. Empty for none. */
export async function askUrls(node: RecordedNode, urls: readonly string[]): Promise<readonly HttpAnswer[]> {
  if (urls.length === 0) return [];
  const program = fileURLToPath(threadFile(import.meta.url, "../tasks/ask-urls"));
  const { stdout } = await node.run([process.execPath, program, ...urls]);
  return JSON.parse(stdout) as readonly HttpAnswer[];
}
