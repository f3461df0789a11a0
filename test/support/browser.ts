import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** Debian's, which `npm test` installs where it may. */
const CHROMIUM = "/usr/bin/chromium";

/** Why no browser can be started here; undefined where one can. */
export const noBrowser: string | undefined = existsSync(CHROMIUM) ? undefined : `there is no ${CHROMIUM}`;

/** Starts a browser without a window that calls nobody by itself. Whoever starts it closes it. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-default-apps",
      "--disable-sync",
      "--disable-dev-shm-usage",
    ],
  });
}
