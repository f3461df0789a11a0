/**
 * Makes addresses local in the network namespace that it is run in, and says as JSON what it saw. It stands by itself
 * because a process cannot enter a namespace by its own means.
 */
import { createLocalAddresses } from "../../../src/dataplane/workers/local-addresses.ts";
import { execOk } from "../../../src/host/exec.ts";
import { formatIp, parseIp } from "../../../src/net/ip.ts";

/** What the program found: what was added or is ours, by text, or why not. */
export interface LocalAddressesReport {
  readonly foreign: readonly boolean[];
  readonly added: readonly string[];
  /** With what was left by one that was killed. */
  readonly ours: readonly string[];
  readonly again: readonly string[];
  readonly afterRemove: readonly string[];
  /** What the kernel has after each step. */
  readonly local: Readonly<Record<string, readonly string[]>>;
  readonly second: string;
  readonly secondAfterClose: string;
  readonly failedAdd: string;
}

const ips = (...texts: readonly string[]) => texts.map((text) => parseIp(text));
const ip = (...words: readonly string[]): Promise<string> => execOk(["ip", ...words]);
const local: Record<string, readonly string[]> = {};

async function note(step: string): Promise<void> {
  const routes = ["-4", "-6"].map((family) => ip(family, "-json", "route", "show", "table", "local", "type", "local"));
  const all = (await Promise.all(routes)).flatMap((text) => JSON.parse(text || "[]") as { dst: string }[]);
  local[step] = all.map(({ dst }) => dst).filter((dst) => !dst.startsWith("127.") && dst !== "::1");
}

const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "it did not fail",
    (error: Error) => error.message,
  );

const mine = createLocalAddresses();
const isForeign = await mine.readForeign();
const foreign = ips("10.96.0.20", "10.97.1.1", "10.96.0.10", "fd00::20", "fd00::10", "127.0.0.9").map(isForeign);
const texts = (list: Parameters<typeof formatIp>[0][]) => list.map(formatIp).sort();

const wanted = ips(
  "10.96.0.10",
  "10.96.0.11",
  "10.96.0.20",
  "10.97.1.1",
  "fd00::10",
  "fd00::11",
  "fd00::20",
  "127.0.0.9",
);
const added = texts([...(await mine.add([...wanted, ...wanted]))]);
const ours = texts([...mine.ours]);
await note("added");
const again = texts([...(await mine.add(wanted))]);

const other = createLocalAddresses();
const second = await messageOf(other.add(ips("10.96.0.99")));
await other.close();
await note("second");

// Somebody else takes one of each family away, and gives one back as its own.
await ip("route", "del", "local", "10.96.0.11/32", "dev", "lo");
await ip("-6", "address", "del", "fd00::11/128", "dev", "lo");
await ip("address", "add", "10.96.0.11/32", "dev", "lo");
await mine.remove(ips("10.96.0.11", "fd00::11", "10.96.0.10"));
const afterRemove = texts([...mine.ours]);
await note("removed");

// No address of IPv6 can be added from here on.
await execOk(["sysctl", "-qw", "net.ipv6.conf.lo.disable_ipv6=1"]);
const failedAdd = await messageOf(mine.add(ips("10.96.0.50", "fd00::50")));
await note("failed");
await mine.close();
await mine.close();
await note("closed");
const secondAfterClose = await messageOf(other.add(ips("10.96.0.99")));
await note("other");
await other.close();
await note("end");

const report: LocalAddressesReport = {
  foreign,
  added,
  ours,
  again,
  afterRemove,
  local,
  second,
  secondAfterClose,
  failedAdd,
};
console.log(JSON.stringify(report));
