/** Rules of other programs: what cannot be carried out here is refused by name, and changes nothing. */
import assert from "node:assert/strict";
import { manualClock } from "../../../src/core/clock.ts";
import { isSluiceError } from "../../../src/core/errors.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { createEmulated } from "../../../src/dataplane/emulated/emulated.ts";
import { parseRule } from "../../../src/modes/iptables/parse.ts";
import { suite } from "../../support/suite.ts";
import { dnat, flow, iptables, plan, rule, said } from "./literals.ts";

const test = suite("emulated iptables: what is not emulated");
const web = flow("10.244.1.9", "10.96.0.10:80");
const served = iptables({ "nat/PREROUTING": [rule(dnat("10.244.1.10:8080"))] });

const refused: readonly (readonly [rule: string, what: string])[] = [
  ["-m limit --limit 5/min -j ACCEPT", "limit"],
  ["-m owner --uid-owner 0", "owner"],
  ['-m string --string "x" --algo bm', '-m string --string "x" --algo bm'],
  ["-m set --match-set s src", "set s"],
  ["-j LOG", "log"],
  ["-j SNAT --to-source 1.2.3.4", "snat"],
  ["-j NFQUEUE --queue-num 3", "NFQUEUE --queue-num 3"],
];

for (const [text, what] of refused) {
  test(`is refused by name: ${text}`, async () => {
    const emulated = createEmulated({ random: seededRandom(1), clock: manualClock() });
    await emulated.apply(served, plan());
    const program = iptables({ "nat/PREROUTING": [parseRule(`-A PREROUTING ${text}`, 4)] });
    await assert.rejects(
      emulated.apply(program, plan()),
      (error) => isSluiceError(error, "DATAPLANE_FAILED") && error.details.what.includes(what),
    );
    assert.equal(said(emulated.packet(web)), "10.244.1.10:8080");
  });
}

test("a share that is turned round is the rest of it", async () => {
  const emulated = createEmulated({ random: seededRandom(1), clock: manualClock() });
  const [never, always] = ["1", "0"].map((chance) =>
    parseRule(`-A PREROUTING -m statistic --mode random ! --probability ${chance} -j DROP`, 4),
  );
  await emulated.apply(iptables({ "nat/PREROUTING": [never!] }), plan());
  assert.equal(said(emulated.packet(web)), "pass");
  await emulated.apply(iptables({ "nat/PREROUTING": [always!] }), plan());
  assert.equal(said(emulated.packet(flow("10.244.1.8", "10.96.0.10:80"))), "drop");
  const { steps } = emulated.trace(flow("10.244.1.7", "10.96.0.10:80"));
  assert.equal(steps[0]?.probability, 1);
});
