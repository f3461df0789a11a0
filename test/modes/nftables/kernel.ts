/** A kernel of one's own: a network namespace, in which nft has an empty ruleset. */
import { execOk } from "../../../src/host/exec.ts";
import { listNftables } from "../../../src/modes/nftables/render-listing.ts";
import type { NftablesRuleset } from "../../../src/modes/nftables/ruleset.ts";
import { normalizeListing, readListing } from "../../support/normalize-nft.ts";
import { obstacleTo } from "../../support/obstacle.ts";

/** The network namespace of one test file. */
interface Namespace {
  /** Runs `nft -f -`. */
  load(text: string): Promise<void>;
  /** `nft -s list ruleset`. */
  list(): Promise<string>;
  /** `nft -j list ruleset`. */
  listJson(): Promise<string>;
  remove(): Promise<void>;
}

/** @returns what keeps such a namespace out of reach. */
export const obstacle = (): Promise<string | undefined> => obstacleTo("nft add table ip x");

/** @param name of the test file: several run at once. */
export async function makeNamespace(name: string): Promise<Namespace> {
  const namespace = `sluice-${name}-${process.pid}`;
  await execOk(["ip", "netns", "add", namespace]);
  const nft = (args: readonly string[], input = ""): Promise<string> =>
    execOk(["ip", "netns", "exec", namespace, "nft", ...args], { input });
  return {
    load: async (text) => void (await nft(["-f", "-"], text)),
    list: () => nft(["-s", "list", "ruleset"]),
    listJson: () => nft(["-j", "list", "ruleset"]),
    remove: async () => void (await execOk(["ip", "netns", "delete", namespace])),
  };
}

/** A listing, as it is compared. */
export function normalized(text: string): string {
  return normalizeListing(readListing(text));
}

export function normalizedRuleset(ruleset: NftablesRuleset): string {
  return normalized(listNftables(ruleset));
}
