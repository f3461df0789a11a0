import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import type { BenchResult } from "../../src/measure/result.ts";
import { renderHtml } from "../../src/report/html/document.ts";
import { renderTerminal } from "../../src/report/terminal.ts";
import { escapeHtml } from "../../src/report/html/html.ts";
import { cutAfter, summarized } from "../measure/synthetic.ts";
import { noBrowser, startBrowser } from "../support/browser.ts";
import { inProject } from "../support/root.ts";
import { sample } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { emulated, faulted, scaled, shared } from "./sections.ts";

const result = await summarized();
const test = suite("html report", { timeoutMs: 300_000 });

/** Texts of a page without its style sheet and pictures. */
const textOf = (page: string): string =>
  page
    .replaceAll(/<(style|svg)[^>]*>.*?<\/\1>/gs, " ")
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ");

test("it is one file: no script, and nothing that is loaded from anywhere", () => {
  const page = renderHtml([result]);
  assert.match(page, /^<!doctype html>\n<html lang="en">/);
  assert.doesNotMatch(page, /<script|<link rel="stylesheet"|@import|url\(|<img|<iframe/);
  const addresses = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address);
  assert.deepEqual(
    [...new Set(addresses)].filter((address) => !address!.startsWith("data:")),
    [],
  );
});

test("the first screen says what was compared, on what, what came out and how sure that is", () => {
  const text = textOf(renderHtml([result]));
  assert.match(text, /ipvs-rr, next to direct TCP service default\/web:http .* on Example CPU, 2 processors/);
  assert.match(text, /In tcp-connect-request-close, ipvs-rr does 0\.400 \[0\.39\d, 0\.40\d\] of direct\./);
  assert.match(
    text,
    /How sure: 6 interleaved blocks, intervals of 95 %; direct-again, which is direct once more, does not differ from it; no failure\./,
  );
});

test("rate and processor time stand in one picture, where somebody tells; every number in a table", () => {
  assert.doesNotMatch(renderHtml([result]), /Rate and processor time/);
  const processorTime = { value: 25, interval: [19.25, 30.75], unit: "us" } as const;
  const cells = result.cells.map((cell) =>
    cell.subject === "ipvs-rr" ? Object.assign({}, cell, { processorTime }) : cell,
  );
  const page = renderHtml([{ ...result, cells }]);
  assert.match(page, /Rate and processor time by subject in tcp-connect-request-close, with 95 % intervals/);
  assert.match(page, /aria-label="Processor time for each connection, [^"]*ipvs-rr [\d,]+ a second at 25\.0 µs\."/);
  assert.match(textOf(page), /CPU each/);
});

test("every part of the report is there, with the command that makes it again", () => {
  const text = textOf(renderHtml([result]));
  for (const part of [
    "Latency",
    "Rate",
    "Distribution over endpoints",
    "All numbers",
    "Notes",
    "Environment",
    "How to reproduce",
  ]) {
    assert.ok(text.includes(` ${part} `), part);
  }
  assert.ok(text.includes("sluice bench --seed 7"), "the seed that was drawn");
  assert.ok(text.includes("net.core.somaxconn 4096"));
});

test("each picture says in words what it shows", () => {
  const page = renderHtml([result]);
  const pictures = [...page.matchAll(/<svg [^>]*>/g)].map(([tag]) => tag);
  // Ratios; latency and rate of two works; shares of two services: each for a wide and a narrow screen.
  assert.equal(pictures.length, 2 * (1 + 2 + 2 + 2));
  for (const tag of pictures) assert.match(tag, /role="img" aria-label="[^"]{20,}"/);
  assert.match(page, /aria-label="Latency percentiles in tcp-connect-request-close\. direct: p50 500 µs, /);
});

test("what this host cannot do is said beside the answer", async () => {
  const unmeasured = [{ subject: "haproxy", reason: "haproxy is not installed" }];
  const text = textOf(renderHtml([await summarized({ unmeasured })]));
  assert.match(text, /Not measured: haproxy, since haproxy is not installed\./);
});

test("what comes from a cluster is text, whatever it looks like", () => {
  const evil = `<img src=x onerror=alert(1)>"'&`;
  const services = result.services.map((service) => Object.assign({ ...service }, { servicePort: evil }));
  const page = renderHtml([
    { ...result, services, notes: [evil], environment: { ...result.environment, cpuModel: evil } },
  ]);
  assert.doesNotMatch(page, /<img/);
  assert.ok(page.includes(escapeHtml(evil)));
  assert.equal(escapeHtml(evil), "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;");
});

test("a run that was stopped at any moment makes a whole page, without a word of what is not there", async () => {
  for (const blocks of [-1, 0, 1, 4]) {
    const page = renderHtml([await summarized({ experiment: cutAfter(blocks) })]);
    assert.match(page, /<\/html>\n$/);
    assert.doesNotMatch(textOf(page), /NaN|undefined|null|Infinity/);
    assert.doesNotMatch(page, /NaN/);
  }
});

test("a run whose control differs says that its ratios are doubtful, and marks them", () => {
  const cells = result.cells.map((cell) => Object.assign({ ...cell }, { ratioDoubtful: cell.ratio !== null }));
  const text = textOf(renderHtml([{ ...result, cells, control: { ...result.control, differs: true } }]));
  assert.match(text, /direct-again, which is direct once more, differs from it: ratios with hollow dots are doubtful/);
  assert.match(text, /0\.400 \[0\.39\d, 0\.40\d\] \?/);
  // The answer, and the picture for who does not see it.
  assert.match(text, /In tcp-connect-request-close, ipvs-rr does 0\.\d{3} \[[^\]]*\] \? of direct/);
  assert.match(renderHtml([{ ...result, cells }]), /Ratios to direct\.[^"<]*ipvs-rr in [\w-]+: 0\.\d{3} \[[^\]]*\] \?/);
});

test("several results are chapters of one page", () => {
  const page = renderHtml([result, result]);
  assert.equal(page.match(/<article>/g)?.length, 2);
  assert.match(page, /<h1>2 benchmarks<\/h1>/);
});

/** As large as the default run: seven subjects, four works. */
function large(small: BenchResult): BenchResult {
  const names = ["direct", "direct-again", "userspace", "iptables", "ipvs-rr", "ipvs-lc", "ipvs-sed"];
  const works = ["tcp-connect-request-close", "tcp-request-response", "tcp-bulk", "udp-request-response"].map(
    (work, at) => Object.assign({ ...small.works[at === 3 ? 1 : 0]! }, { work }),
  );
  const cells = works.flatMap(({ work, protocol }) =>
    names.map((subject, at) => {
      const like = small.cells.find(
        (cell) =>
          cell.subject === (at < 2 ? names[at] : "ipvs-rr") && (protocol === "udp") === cell.work.startsWith("udp"),
      )!;
      return { ...like, subject, work };
    }),
  );
  const subjects = names.map((subject) => Object.assign({ ...small.subjects[2]! }, { subject }));
  return { ...small, works, cells, subjects };
}

test("numbers of services make pictures of their own, with what others published and how they measured it", () => {
  const page = renderHtml([scaled(result)]);
  const alternatives = [...page.matchAll(/<svg [^>]*aria-label="([^"]*)"/g)].map(([, text]) => text!);
  const median = alternatives.find((text) => text.startsWith("Median latency in tcp-connect"))!;
  assert.match(median, /iptables@kernel: [\d.]+ ms at 10, .* at 30000; nftables@kernel: /);
  assert.match(median, /KEP-3866 iptables, p50: 0\.0470 ms at 5000, .*0\.272 ms at 30000/);
  const titles = [
    "Rate in tcp-connect",
    "Rules that a first packet passes",
    "Sync of the whole",
    "Bytes sent",
    "Memory of",
  ];
  for (const title of titles)
    assert.ok(
      alternatives.some((text) => text.startsWith(title)),
      title,
    );
  assert.match(
    alternatives.find((text) => text.startsWith("Sync of"))!,
    /Huawei, iptables -A: .*660,000 ms at 5000/,
  );
  const text = textOf(page);
  for (const part of [
    "Sync cost",
    "Huawei: 8 rules a service",
    "Tigera: 10,000 services",
    "rules and syncs by number",
  ]) {
    assert.ok(text.includes(part), part);
  }
  assert.match(
    text,
    /iptables@kernel, .*: from 10 to 30,000 services the median latency grows: × 3\.000 \[2\.800, 3\.200\]\./,
  );
  assert.match(
    text,
    /nftables@kernel, .* does not differ: × 1\.000 \[0\.980, 1\.020\], the whole interval within 5 %\./,
  );
  assert.doesNotMatch(text, /NaN|undefined|Infinity|DOUBTFUL/);
  const { scale, ...rest } = scaled(result);
  const growth = scale!.growth.map((one) => Object.assign({ ...one }, { doubtful: true }));
  const doubtful = textOf(renderHtml([{ ...rest, scale: { ...scale!, growth } }]));
  assert.match(doubtful, /the whole interval within 5 %; DOUBTFUL, since the control differs in this work\./);
  assert.match(renderTerminal(scaled(result)), /rules and syncs\n.*rules passed/s);
});

/** The texts of the pictures of a result, each once. */
function alternativesOf(given: BenchResult): string[] {
  const tags = [...renderHtml([given]).matchAll(/<svg [^>]*>/g)].map(([tag]) => tag);
  return [...new Set(tags.map((tag) => /role="img" aria-label="([^"]*)"/.exec(tag)![1]!))];
}

test("events make pictures of what failed and for how long, with every figure in tables and in the texts", () => {
  const texts = alternativesOf(faulted(result));
  assert.ok(
    texts.some((text) => text.startsWith("requests. direct, a backend dies: 3.0 [2.7, 3.3]; ipvs-rr, ")),
    texts[0],
  );
  assert.ok(texts.some((text) => text.startsWith("ms after the event. direct, a backend dies: 400 ")));
  const text = textOf(renderHtml([faulted(result)]));
  assert.match(text, /When endpoints fail .*a backend dies: an endpoint is killed .*first answer back after/);
  assert.match(renderTerminal(faulted(result)), /a backend dies: an endpoint is killed\n.*failed/);
  assert.doesNotMatch(text, /NaN|undefined|Infinity/);
});

test("what a slow endpoint and one that comes and goes do stands beside what chance alone gives", () => {
  const texts = alternativesOf(shared(result));
  for (const part of ["ipvs-rr 25.0 % [22.5, 27.5] %", "ipvs-rr 60.0 % [54.0, 66.0] %"]) {
    assert.ok(
      texts.some((text) => text.startsWith("Chance alone gives [") && text.includes(part)),
      part,
    );
  }
  const text = textOf(renderHtml([shared(result)]));
  assert.match(text, /Endpoints that differ, come and go .*One endpoint is slower .*clients that move/);
  assert.doesNotMatch(text, /NaN|undefined|Infinity/);
});

test("subjects without traffic have pictures of their own: rules, time of a decision, shares", () => {
  const texts = alternativesOf(emulated(result));
  for (const part of [
    /^Rules that a first packet to default\/web:http passes.* iptables@emulated 12\.0; nftables@emulated 8\.00\./,
    /^What a decision on a flow to default\/web:http takes .* iptables@emulated 900 ns ±10 %/,
    /^An even share is 33\.3 %\. iptables@emulated from 33\.0 % to 33\.7 %/,
  ]) {
    assert.ok(
      texts.some((text) => part.test(text)),
      `${part}: ${texts.join("\n")}`,
    );
  }
  const page = renderHtml([emulated(result)]);
  assert.match(page, /<h1>ipvs-rr, iptables@emulated, nftables@emulated, next to direct<\/h1>/);
  assert.match(textOf(page), /decisions in the emulator .*nftables@emulated default\/web:http 8\.00 always 500 ±10 %/);
  assert.match(renderTerminal(emulated(result)), /decisions in the emulator, without traffic\nsubject /);
});

test("where nothing failed nothing is drawn: no bar is as long as its axis", () => {
  const page = renderHtml([faulted(result)]);
  const kept = page.slice(page.indexOf("Requests that failed in a trial, kept connections"));
  const widths = [...kept.slice(0, kept.indexOf("</figure>")).matchAll(/<rect [^>]*width="([\d.]+)"/g)]
    .map(([tag, width]) => ({ tag, width: Number(width) }))
    // Frames have no place within theirs.
    .filter(({ tag }) => tag.includes(' y="'));
  assert.ok(widths.length >= 4, `${widths.length}`);
  assert.deepEqual(
    widths.filter(({ width }) => width > 0).map(({ tag }) => tag),
    [],
  );
});

test("controls of the emulator and of sharing out are told on the first screen where they differ", () => {
  const sure = /How sure: [^.]*\./.exec(textOf(renderHtml([emulated(result, 1.2)])))![0];
  assert.match(sure, /does not differ from it; but another control differs: figures with \? are doubtful/);
  assert.match(textOf(renderHtml([shared(result, 0.05)])), /but another control differs.* 25\.0 % \? /);
  assert.doesNotMatch(textOf(renderHtml([emulated(shared(result))])), /another control differs|\?/);
});

if (noBrowser !== undefined) test.skip("works in Chromium, narrow and wide, light and dark", noBrowser);
else {
  const folder = mkdtempSync(join(tmpdir(), "sluice-html-"));
  /** Works and numbers of services; what only other plans have, without the works again; and a result that was measured. */
  const pages: Readonly<Record<string, readonly BenchResult[]>> = {
    report: [large(result), scaled(result)],
    plans: [faulted, shared, emulated].map((withPart) => Object.assign(withPart(result), { works: [], cells: [] })),
    measured: [JSON.parse(readFileSync(inProject("bench", "stored", "boutique.json"), "utf8")) as BenchResult],
  };
  const fileOf = (name: string): string => join(folder, `${name}.html`);
  const shots = inProject("out", "screenshots");
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  let browser: Browser | undefined;
  test.before(async () => {
    for (const [name, results] of Object.entries(pages)) writeFileSync(fileOf(name), renderHtml(results));
    mkdirSync(shots, { recursive: true });
    browser = await startBrowser();
  });
  test.after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function openReport(
    name: string,
    width: number,
    colorScheme: "light" | "dark",
  ): Promise<{ page: Page; said: string[]; asked: string[] }> {
    // axe is put into the page, which by itself allows no script.
    const context = await browser!.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
    const page = await context.newPage();
    page.setDefaultTimeout(120_000);
    const said: string[] = [];
    const asked: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(error.message));
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(pathToFileURL(fileOf(name)).href);
    return { page, said, asked };
  }

  const looks = [360, 1600].flatMap((width) => (["light", "dark"] as const).map((theme) => [width, theme] as const));
  for (const name of sample(Object.keys(pages), 1)) {
    for (const [width, theme] of sample(looks, 1)) {
      test(`${name} at ${width} px, ${theme}: nothing overflows, nothing is asked for, nothing is wrong for axe`, async () => {
        const { page, said, asked } = await openReport(name, width, theme);
        assert.deepEqual(said, []);
        assert.deepEqual(
          asked.filter((url) => !url.startsWith("data:")),
          [pathToFileURL(fileOf(name)).href],
        );
        const overflow = await page.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        assert.equal(overflow, 0);
        const hidden = (await page.evaluate(`[...document.querySelectorAll("svg text")].filter((text) => {
          const box = text.getBoundingClientRect();
          const frame = text.ownerSVGElement.getBoundingClientRect();
          return box.width > 0 && (box.left < frame.left - 1 || box.right > frame.right + 1);
        }).map((text) => text.textContent)`)) as string[];
        assert.deepEqual(hidden, [], "letters that a picture cuts off");
        const mixed = (await page.evaluate(`[...document.querySelectorAll("svg")].flatMap((svg) => {
          const boxes = [...svg.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
          const meet = (a, b) => a.left < b.right + 2 && b.left < a.right + 2 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
          const seen = boxes.filter(([text, box]) => text !== "" && box.width > 0);
          return seen.flatMap(([text, box], at) =>
            seen.slice(at + 1).flatMap(([other, otherBox]) => (meet(box, otherBox) ? [text + " / " + other] : [])));
        })`)) as string[];
        assert.deepEqual(mixed, [], "letters that run into each other");
        await page.screenshot({ path: join(shots, `${name}-${width}-${theme}.png`), fullPage: true, timeout: 120_000 });
        await page.evaluate(axe);
        const { violations } = (await page.evaluate("axe.run()")) as AxeResults;
        const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
        assert.deepEqual(
          serious.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`),
          [],
        );
        await page.context().close();
      });
    }
  }

  test("by itself the page runs without a complaint of its own policy", async () => {
    const page = await browser!.newPage();
    const said: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    await page.goto(pathToFileURL(fileOf("report")).href);
    assert.deepEqual(said, []);
    assert.ok(((await page.evaluate("document.querySelector('h1').getBoundingClientRect().height")) as number) > 0);
    await page.close();
  });
}
