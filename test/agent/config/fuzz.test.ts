import assert from "node:assert/strict";
import * as fc from "fast-check";
import { defaults } from "../../../src/agent/config/complete.ts";
import type { ConfigMode, KubeProxyConfiguration } from "../../../src/agent/config/config.ts";
import { hostPlanOf } from "../../../src/agent/config/host-plan.ts";
import { configNotes } from "../../../src/agent/config/notes.ts";
import { programOptionsOf } from "../../../src/agent/config/program-options.ts";
import { readConfig } from "../../../src/agent/config/read.ts";
import { syncIntervals } from "../../../src/agent/config/sync-intervals.ts";
import { isSluiceError } from "../../../src/core/errors.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";

const test = suite("configuration file, any text");

const paths = leavesOf(defaults, []);

function leavesOf(value: unknown, path: readonly string[]): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  const within = Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key]));
  return path.length === 0 ? within : [path, ...within];
}

const likely = fc.constantFrom<unknown[]>(
  null,
  "",
  0,
  "0s",
  "1m30s",
  "2h",
  "10.0.0.0/8",
  "fd00::/64",
  "10.0.0.1",
  "::",
  "10.0.0.1:80",
  "[::1]:1",
  true,
  false,
  14,
  31,
  32,
  -1,
  [],
  ["primary"],
  ["10.0.0.0/8"],
  {},
  "rr",
  "lc",
  "cni0",
  "1000-2000",
  "userspace",
  "iptables",
  "ipvs",
  "nftables",
  "NodeCIDR",
  "BridgeInterface",
  "InterfaceNamePrefix",
  "5s",
  "text",
);
const anyValue = fc.oneof({ weight: 5, arbitrary: likely }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) });
const anySettings = fc.array(fc.tuple(fc.constantFrom(...paths), anyValue), { maxLength: 6 });
const anyMode = fc.constantFrom<ConfigMode>("userspace", "iptables", "ipvs", "nftables");

function fileOf(
  mode: ConfigMode,
  settings: readonly (readonly [readonly string[], unknown])[],
): Record<string, unknown> {
  const file: Record<string, unknown> = { apiVersion: defaults.apiVersion, kind: defaults.kind, mode };
  for (const [path, value] of settings) {
    let section = file;
    for (const key of path.slice(0, -1)) {
      const inner = section[key];
      const map = typeof inner === "object" && inner !== null && !Array.isArray(inner) ? inner : {};
      section[key] = map;
      section = map as Record<string, unknown>;
    }
    // Values that are drawn twice are one object, which a setting below the first of them would change.
    section[path.at(-1)!] = structuredClone(value);
  }
  return file;
}

/** @returns undefined when the text is refused, with a field and a place. */
function tryRead(text: string, file: string): KubeProxyConfiguration | undefined {
  try {
    return readConfig(text, file);
  } catch (error) {
    if (!isSluiceError(error, "INPUT_INVALID")) throw error;
    assert.ok(error.details.line !== undefined && error.details.expected !== "", error.message);
    return undefined;
  }
}

test("fields of any value are refused by name, or make a configuration that reads as itself and means something", () => {
  let taken = 0;
  fc.assert(
    fc.property(anyMode, anySettings, (mode, settings) => {
      const config = tryRead(JSON.stringify(fileOf(mode, settings)), "config.json");
      if (config === undefined) return;
      taken += 1;
      assert.deepEqual(readConfig(JSON.stringify(config), "config.json"), config);
      const { minIntervalMs, maxIntervalMs } = syncIntervals(config);
      assert.ok(minIntervalMs <= maxIntervalMs);
      assert.deepEqual(Object.keys(programOptionsOf(config)), [config.mode]);
      for (const { value } of hostPlanOf(config, { cpus: 2, kernel: { major: 6, minor: 1 } }).sysctls) {
        assert.ok(Number.isInteger(value) && value >= 0, String(value));
      }
      configNotes(config, { kernel: false });
    }),
    { seed, numRuns: runs(20_000, 2000) },
  );
  assert.ok(taken > 100, `${taken} were read`);
});

test("text that has been cut, or has a piece of another in it, is read or refused", () => {
  const whole = JSON.stringify(defaults, undefined, 1);
  const yaml = `apiVersion: ${defaults.apiVersion}\nkind: ${defaults.kind}\niptables: {syncPeriod: 30s}\nnodePortAddresses:\n- 10.0.0.0/8\n`;
  const anyCut = fc.record({ from: fc.nat(whole.length), length: fc.nat(30), piece: fc.string({ maxLength: 8 }) });
  fc.assert(
    fc.property(fc.constantFrom(whole, yaml), anyCut, (text, { from, length, piece }) => {
      tryRead(text.slice(0, from) + piece + text.slice(from + length), "config.yaml");
    }),
    { seed, numRuns: runs(10_000, 1000) },
  );
});
