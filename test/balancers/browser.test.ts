import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { build, type BuildOptions } from "esbuild";
import type { Browser } from "playwright-core";
import { algorithmNames } from "../../src/balancers/index.ts";
import { noBrowser, startBrowser } from "../support/browser.ts";
import { inProject } from "../support/root.ts";
import { seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { simulatedPicks } from "./simulated-picks.ts";

const test = suite("balancers in a browser", { timeoutMs: 120_000 });

/** One file for browsers; it fails for any import that only Node has. */
async function bundle(entry: string, options: BuildOptions): Promise<{ text: string; inputs: string[] }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    absWorkingDir: inProject(),
    bundle: true,
    platform: "browser",
    target: "es2022",
    write: false,
    metafile: true,
    logLevel: "silent",
    ...options,
  });
  return { text: outputFiles![0]!.text, inputs: Object.keys(metafile!.inputs) };
}

test("are one bundle of src/balancers, src/core and src/net, and of nothing else", async () => {
  const { text, inputs } = await bundle("src/balancers/index.ts", { format: "esm", minify: true });
  const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;
  console.log(`minified ${kilobytes(Buffer.byteLength(text))}, gzip ${kilobytes(gzipSync(text, { level: 9 }).length)}`);
  assert.deepEqual(
    inputs.filter((file) => !/^src\/(balancers|core|net)\//.test(file)),
    [],
  );
});

test("a bundle with a node: import does not build", async () => {
  await assert.rejects(bundle("src/host/exec.ts", { format: "esm" }), /node:child_process/);
});

if (noBrowser !== undefined) test.skip("make the same picks in Chromium as in Node", noBrowser);
else {
  let browser: Browser | undefined;
  test.after(async () => browser?.close());

  test("make the same picks in Chromium as in Node, each algorithm over 2,000 flows", async () => {
    const { text } = await bundle("test/balancers/simulated-picks.ts", { format: "iife", globalName: "simulation" });
    browser = await startBrowser();
    const page = await browser.newPage();
    await page.addScriptTag({ content: text });
    const picks = (await page.evaluate(`simulation.simulatedPicks(${seed})`)) as Record<string, string>;
    assert.deepEqual(Object.keys(picks), [...algorithmNames]);
    assert.deepEqual(picks, simulatedPicks(seed));
    assert.notDeepEqual(picks, simulatedPicks(seed + 1));
    console.log(`${algorithmNames.length} algorithms in Chromium ${browser.version()}`);
  });
}
