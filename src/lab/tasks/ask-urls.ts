/** A program: asks each URL of its arguments once, one after the other, and prints what came as a JSON list. */
import { get } from "node:http";

/** Longer than anything that answers at all takes. */
const PATIENCE_MS = 10_000;

function ask(url: string): Promise<unknown> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: PATIENCE_MS }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => (body += part));
      response.on("end", () => resolve({ url, status: response.statusCode, headers: response.headers, body }));
    });
    request.on("timeout", () => request.destroy(new Error("timeout")));
    request.on("error", (error: NodeJS.ErrnoException) => {
      resolve({ url, error: error.code === "ECONNREFUSED" ? "connection refused" : error.message });
    });
  });
}

const answers: unknown[] = [];
for (const url of process.argv.slice(2)) answers.push(await ask(url));
process.stdout.write(JSON.stringify(answers));
