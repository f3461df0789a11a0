/** The programs that the README shows, run as they stand there. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { execOk } from "../../src/host/exec.ts";
import { noBrowser, startBrowser } from "../support/browser.ts";
import { listen } from "../support/listen.ts";
import { inProject } from "../support/root.ts";
import { serveFolder } from "../support/serve-folder.ts";
import { suite } from "../support/suite.ts";

const test = suite("examples in the README", { timeoutMs: 120_000 });
const readme = readFileSync(inProject("README.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "sluice-readme-"));
test.after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "node_modules"));
symlinkSync(inProject("."), join(folder, "node_modules", "sluice"));
symlinkSync(inProject("node_modules", "undici"), join(folder, "node_modules", "undici"));

/** Writes the block whose first line is a comment with this name, and returns where. */
function written(name: string, edit: (program: string) => string = (program) => program): string {
  const block = readme.split("```").find((part) => part.split("\n")[1]?.match(/^(?:\/\/|<!--) (\S+)/)?.[1] === name);
  assert.ok(block, `the README shows no ${name}`);
  const file = join(folder, name);
  writeFileSync(file, edit(block.slice(block.indexOf("\n") + 1)));
  return file;
}

test("pool.mjs asks the servers that it is given", async () => {
  const asked = [0, 0];
  const servers = asked.map((_, index) =>
    createHttpServer((_request, response) => {
      asked[index]! += 1;
      response.end(`from ${index}`);
    }),
  );
  const origins = await Promise.all(servers.map(async (server) => `http://127.0.0.1:${await listen(server)}`));
  const said = await execOk([process.execPath, written("pool.mjs"), ...origins], { timeoutMs: 60_000 });
  assert.equal(said.match(/'from [01]'/g)?.length, 10);
  assert.equal(asked[0]! + asked[1]!, 10);
  assert.ok(asked[0]! > 0 && asked[1]! > 0, `${asked}`);
  for (const server of servers) server.close();
});

/** @returns the first thing that somebody at the port says. */
async function firstWord(port: number): Promise<string> {
  for (let attempt = 0; ; attempt += 1) {
    const client = connect({ port, host: "127.0.0.1" });
    try {
      const [chunk] = (await once(client, "data")) as [Buffer];
      client.on("error", () => {});
      return String(chunk);
    } catch (error) {
      assert.ok(attempt < 500, String(error));
      await sleep(20);
    }
  }
}

test("server.mjs hands connections on, 1 to 3", async () => {
  const servers = ["l", "h"].map((name) => createServer((socket) => void socket.on("error", () => {}).write(name)));
  const [light, heavy] = [await listen(servers[0]!), await listen(servers[1]!)];
  const free = createServer();
  const port = await listen(free);
  await new Promise((resolve) => free.close(resolve));
  const ports = new Map([
    ["9001", light],
    ["9002", heavy],
    ["8080", port],
  ]);
  const file = written("server.mjs", (program) => program.replace(/9001|9002|8080/g, (word) => `${ports.get(word)}`));
  const proxy = spawn(process.execPath, [file], { stdio: "inherit", timeout: 60_000 });
  const words: string[] = [];
  for (let index = 0; index < 8; index += 1) words.push(await firstWord(port));
  assert.equal(words.toSorted().join(""), "hhhhhhll");
  proxy.kill();
  await once(proxy, "close");
  for (const server of servers) server.close();
});

if (noBrowser !== undefined) test.skip("page.html says what the README says of it", noBrowser);
else {
  let browser: Browser | undefined;
  test.after(async () => browser?.close());

  test("page.html says what the README says of it", async () => {
    const promised = [...readme.matchAll(/`(\w+: \d+)`/g)].map(([, line]) => line);
    assert.equal(promised.length, 3);
    written("page.html");
    const server = serveFolder(folder);
    const port = await listen(server);
    browser = await startBrowser();
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/page.html`);
    await page.waitForFunction(`document.querySelector("#busiest").textContent.split("\\n").length === 4`);
    assert.deepEqual((await page.locator("#busiest").innerText()).trim().split("\n"), promised);
    server.close();
    server.closeAllConnections();
  });
}
