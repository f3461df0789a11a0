import { release } from "node:os";
import { isSluiceError, SluiceError } from "../../core/errors.ts";
import type { NftablesRuleset, Table } from "../../modes/nftables/ruleset.ts";
import type { Family } from "../../net/ip.ts";
import type { NodePlan } from "../dataplane.ts";
import type { CommandResult } from "../../host/exec.ts";
import { type Commands, kernelFailed } from "./commands.ts";
import { createStaleUdp } from "./conntrack.ts";
import { nameOf, type NftablesTable, openNftablesTable } from "./nftables-family.ts";
import type { KernelHost, Programmer } from "./programmer.ts";
import { createHostSettings } from "./host-settings.ts";
import { throwAll } from "./throw-all.ts";

/** kube-proxy's name for its table in each family. */
const TABLE = "kube-proxy";
const families = { ip: 4, ip6: 6 } as const satisfies Record<string, Family>;

/** Of nft: kube-proxy's own limit, since older ones take its rules for mistakes. */
const OLDEST_NFT = [1, 0, 1] as const;
/** Of Linux: kube-proxy's own limit as well. */
const OLDEST_KERNEL = [5, 13, 0] as const;
/** Set to anything, it lets kube-proxy run on an older kernel: distributions carry back what it needs. */
const SKIP_KERNEL_CHECK = "KUBE_PROXY_NFTABLES_SKIP_KERNEL_VERSION_CHECK";

/** What nft says where there is no such table: in a kernel with nf_tables, and in one without. */
const noTable = ["No such file or directory", "cache initialization failed: Invalid argument"] as const;

/**
 * Puts tables of nftables into a kernel: one a family, each in a transaction of its own.
 *
 * @param kernel its release, as `uname -r` has it.
 */
export function createNftablesProgrammer(host: KernelHost, kernel: string = release()): Programmer<"nftables"> {
  const open = new Map<string, NftablesTable>();
  const settings = createHostSettings(host);
  const staleUdp = createStaleUdp(host);
  let found = false;

  const tableOf = (table: Table): NftablesTable => {
    const known = open.get(nameOf(table)) ?? openNftablesTable(host);
    open.set(nameOf(table), known);
    return known;
  };
  const apply = async ({ tables }: NftablesRuleset, plan: NodePlan): Promise<void> => {
    if (!found) host.log.info(await findNft(host, kernel));
    found = true;
    await settings.set(plan);
    const outcomes = await Promise.allSettled(tables.map((table) => tableOf(table).apply(table)));
    const concerned = tables.map(({ family }) => families[family as keyof typeof families]);
    const inForce = concerned.filter((_, index) => outcomes[index]!.status === "fulfilled");
    await staleUdp.clear(inForce, plan.udpServices ?? []);
    throwAll(outcomes, concerned);
  };
  return {
    apply: ({ ruleset }, plan) => apply(ruleset, plan),
    async settle() {
      throwAll(await Promise.allSettled(Array.from(open.values(), (table) => table.settle())));
    },
    async intact() {
      const all = await Promise.all(Array.from(open.values(), (table) => table.intact()));
      return all.every(Boolean);
    },
    async findLeft() {
      // What is done may fail, which is quicker than to look.
      return async () => {
        open.clear();
        throwAll(await Promise.allSettled(Object.keys(families).map((family) => deleteTable(host, family))));
      };
    },
  };
}

/**
 * @returns what nft says of itself.
 * @throws {SluiceError} HOST_UNABLE without nft, with one or with a kernel that is too old, or where it may not see the
 *   kernel's tables.
 */
async function findNft({ commands }: KernelHost, kernel: string): Promise<string> {
  if (isBelow(kernel, OLDEST_KERNEL) && !process.env[SKIP_KERNEL_CHECK]) {
    throw unable(
      `Linux of 5.13 or newer for mode nftables: this is ${kernel} (${SKIP_KERNEL_CHECK}=1 tries all the same)`,
    );
  }
  const version = await commands.ok(["nft", "--version"]);
  if (isBelow(version, OLDEST_NFT)) throw unable(`nft of 1.0.1 or newer: this is ${version.trim()}`);
  // Not tables: for them nft 1.0.6 reads all that is in them first, which may take seconds.
  const { exitCode, stderr } = await commands.run(["nft", "list", "flowtables"]);
  if (exitCode === 0) return version.trim();
  throw unable(`nft list flowtables: ${stderr.trim() || `exit code ${exitCode}`}`);
}

function unable(missing: string): SluiceError<"HOST_UNABLE"> {
  return new SluiceError("HOST_UNABLE", missing, { missing });
}

/** Whether the first version in a text is below another one. One that cannot be read is not. */
function isBelow(text: string, least: readonly [number, number, number]): boolean {
  const found = /(\d+)\.(\d+)(?:\.(\d+))?/
    .exec(text)
    ?.slice(1)
    .map((part = "0") => Number(part));
  const at = found?.findIndex((part, index) => part !== least[index]) ?? -1;
  return at >= 0 && found![at]! < least[at]!;
}

async function deleteTable({ commands, dry }: KernelHost, family: string): Promise<void> {
  const argv = ["nft", "delete", "table", family, TABLE] as const;
  // What is told has to be true.
  if (dry && !(await hasTable(commands, family))) return;
  const { exitCode, stderr } = await commands.run(argv).catch(nothingThere);
  if (exitCode === 0 || noTable.some((answer) => stderr.includes(answer))) return;
  throw kernelFailed(`${argv.join(" ")}: ${stderr.trim() || `exit code ${exitCode}`}`);
}

async function hasTable(commands: Commands, family: string): Promise<boolean> {
  const { stdout } = await commands.run(["nft", "list", "tables", family]).catch(nothingThere);
  return stdout.split("\n").includes(`table ${family} ${TABLE}`);
}

/** What a host without nft does not have, it need not lose. */
function nothingThere(error: unknown): CommandResult {
  if (isSluiceError(error, "HOST_UNABLE")) return { exitCode: 0, stdout: "", stderr: "" };
  throw error;
}
