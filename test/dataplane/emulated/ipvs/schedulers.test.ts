/** What a virtual server does with its scheduler: every one, one datagram at a time, and one in place of another. */
import assert from "node:assert/strict";
import { ipvsSchedulers } from "../../../../src/balancers/ipvs-schedulers.ts";
import { isSluiceError } from "../../../../src/core/errors.ts";
import { UDP } from "../../../../src/net/flow.ts";
import { suite } from "../../../support/suite.ts";
import { flowOf, Trial } from "./trial.ts";

const test = suite("schedulers of IPVS services");

const clients = Array.from({ length: 60 }, (_, n) => `10.${n}.${(n * 37) % 256}.1`);

function weighted(
  settings: ConstructorParameters<typeof Trial>[0],
  options?: ConstructorParameters<typeof Trial>[1],
): Trial {
  const trial = new Trial(settings, options);
  for (const [index, weight] of [3, 1, 0, 2].entries()) trial.add(index + 1, { weight });
  return trial;
}

test("one packet: with every scheduler each datagram is picked for idle servers, and leaves no connection", () => {
  for (const scheduler of ipvsSchedulers) {
    const trial = weighted({ scheduler, onePacket: true });
    const untouched = weighted({ scheduler }).service.servers;
    for (const client of [...clients, ...clients]) {
      const flow = flowOf(client, 5000, UDP);
      const server = untouched.pick(flow, 0);
      // Hashing schedulers refuse whoever they find at a server of weight 0.
      const expected = server === undefined ? "reject" : Number(server.addr.ip) & 0xff;
      assert.equal(trial.send(flow, "request"), expected, scheduler);
      assert.equal(trial.ipvs.find(flow), undefined);
    }
    assert.ok(trial.counts().every(([, active, inactive]) => active + inactive === 0));
  }
});

test("one packet: TCP connections are kept as ever", () => {
  const trial = new Trial({ onePacket: true }).servers(1);
  trial.open("10.1.1.1");
  assert.deepEqual(trial.counts(), [[1, 1, 0]]);
});

test("one packet: a datagram alone does not leave a server overloaded", () => {
  const trial = new Trial({ onePacket: true });
  trial.add(1, { upper: 1 });
  for (const client of clients) assert.equal(trial.open(client, UDP), 1);
});

test("the same scheduler again goes on where it stood", () => {
  for (const scheduler of ["rr", "wrr", "lblc"]) {
    const trial = weighted({ scheduler });
    const straight = weighted({ scheduler });
    for (const [index, client] of clients.entries()) {
      if (index % 7 === 0) trial.service.edit(trial.service.settings);
      assert.equal(trial.open(client), straight.open(client), scheduler);
    }
  }
});

test("another scheduler starts from its beginning, with the list and the counts that there are", () => {
  const trial = new Trial().servers(1, 2, 3);
  for (const client of clients.slice(0, 4)) trial.open(client);
  const use = (scheduler: string): void => trial.service.edit({ ...trial.service.settings, scheduler });
  use("lc");
  assert.equal(trial.open("10.1.1.1"), 2, "3 has two connections, 2 and 1 have one");
  use("rr");
  assert.equal(trial.open("10.1.1.2"), 3, "from the head of the list");
});

test("wrr in place of another starts with its heaviest pass, not with one for all", () => {
  const trial = new Trial();
  for (const [number, weight] of [
    [1, 5],
    [2, 1],
    [3, 1],
  ] as const) {
    trial.add(number, { weight });
  }
  trial.service.edit({ ...trial.service.settings, scheduler: "wrr" });
  assert.deepEqual(
    clients.slice(0, 7).map((client) => trial.open(client)),
    [1, 1, 1, 1, 3, 2, 1],
  );
});

test("new flags of the same scheduler hold at once", () => {
  const trial = new Trial({ scheduler: "sh" }).servers(1, 2, 3, 4, 5);
  const picks = (): Set<unknown> => new Set(Array.from({ length: 40 }, () => trial.open("10.1.1.1")));
  assert.equal(picks().size, 1);
  trial.service.edit({ ...trial.service.settings, flags: ["sh-port"] });
  assert.equal(picks().size, 5);
});

test("a flag that the scheduler does not look at changes nothing; those of sh and mh are the same bits", () => {
  const flagged = new Trial({ flags: ["mh-port", "sh-fallback"] }).servers(1, 2);
  assert.deepEqual([flagged.open("10.1.1.1"), flagged.open("10.1.1.2")], [2, 1]);
  const picks = (flag: string): unknown[] => {
    const trial = new Trial({ scheduler: "mh", flags: [flag] }).servers(1, 2, 3);
    return clients.map((client) => trial.open(client));
  };
  assert.deepEqual(picks("sh-port"), picks("mh-port"));
});

test("mh in place of another goes by the last weights above 0, as if it had been there all along", () => {
  const history = (trial: Trial): Trial => {
    trial.edit(1, { weight: 5 });
    trial.edit(1, { weight: 0 });
    trial.edit(4, { weight: 0 });
    trial.remove(2);
    trial.add(2, { weight: 0 });
    return trial;
  };
  const late = history(weighted({ scheduler: "rr" }));
  // Only server 1 and 4 have a last weight: 5 and 2. Server 2 was added with 0 the second time, 3 ever.
  late.service.edit({ ...late.service.settings, scheduler: "mh" });
  const always = history(weighted({ scheduler: "mh" }));
  const picks = (trial: Trial): unknown[] => clients.map((client) => trial.open(client));
  assert.deepEqual(new Set(picks(late)), new Set(["reject"]));
  for (const trial of [late, always]) trial.edit(1, { weight: 5 });
  const expected = picks(always);
  assert.deepEqual(new Set(expected), new Set([1, "reject"]), "server 4 has entries and takes no flow");
  assert.deepEqual(picks(late), expected);
});

test("lblc_expiration reaches the scheduler", () => {
  const picks = (seconds: number): unknown[] => {
    const sysctls = { lblcExpirationSeconds: seconds };
    const trial = new Trial({ scheduler: "lblc", onePacket: true }, { sysctls }).servers(1, 2);
    const first = trial.open("10.1.1.1", UDP);
    trial.add(3);
    // 32 minutes: past a full sweep, which comes each half hour.
    trial.clock.advance(32 * 60_000);
    return [first, trial.open("10.1.1.1", UDP)];
  };
  assert.deepEqual(picks(86_400), [2, 2]);
  assert.deepEqual(picks(60), [2, 3]);
});

test("a scheduler or a flag that there is not is an error, and an edit that is one changes nothing", () => {
  const isInvalid = (error: unknown): boolean => isSluiceError(error, "BALANCER_INVALID");
  assert.throws(() => new Trial({ scheduler: "nonesuch" }), isInvalid);
  assert.throws(() => new Trial({ scheduler: "sh", flags: ["sh-ports"] }), isInvalid);
  const trial = new Trial().servers(1, 2);
  const { settings } = trial.service;
  assert.throws(() => trial.service.edit({ ...settings, scheduler: "nonesuch" }), isInvalid);
  assert.equal(trial.service.settings, settings);
  assert.deepEqual([trial.open("10.1.1.1"), trial.open("10.1.1.2")], [2, 1]);
});
