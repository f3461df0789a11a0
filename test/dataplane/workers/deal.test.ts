import assert from "node:assert/strict";
import * as fc from "fast-check";
import { closings, openings } from "../../../src/dataplane/workers/deal.ts";
import type { ListenerSocket } from "../../../src/dataplane/workers/listener-sockets.ts";
import { TCP } from "../../../src/net/flow.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";

const test = suite("dealing sockets");

const address = { ip: parseIp("127.0.0.1"), port: 0 };

/** Sockets of these service ports; a bound one has a port. */
function socketsOf(...groups: readonly string[]): ListenerSocket[] {
  return groups.map((group, id) => ({
    id,
    proto: TCP,
    at: address,
    group,
    bound: undefined,
    transparent: false,
    owners: new Set(),
    failure: undefined,
  }));
}

/** Opens what has to be opened until nothing is left. */
function settle(sockets: readonly ListenerSocket[], seats: readonly number[], everywhere: boolean): void {
  for (let round = 0; round < 3; round += 1) {
    for (const { socket, seat } of openings(sockets, seats, everywhere)) {
      socket.owners.add(seat);
      socket.bound = { ...address, port: 1 + socket.id };
    }
  }
}

const ownersOf = (sockets: readonly ListenerSocket[]): number[][] => sockets.map(({ owners }) => [...owners].sort());

test("service ports are dealt out evenly, and stay in one hand", () => {
  const sockets = socketsOf("a", "b", "a", "c", "d", "e");
  settle(sockets, [0, 1], false);
  assert.deepEqual(ownersOf(sockets), [[0], [1], [0], [0], [1], [0]]);
});

test("everywhere, a port that the host chooses is opened in one place first", () => {
  const [socket] = socketsOf("a");
  assert.equal(openings([socket!], [0, 1, 2], true).length, 1);
  settle([socket!], [0, 1, 2], true);
  assert.deepEqual(ownersOf([socket!]), [[0, 1, 2]]);
});

test("whatever workers come and go, every socket is served by the living, a service port by one", () => {
  const prop = fc.property(
    fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f"), { minLength: 1, maxLength: 12 }),
    fc.array(fc.uniqueArray(fc.nat(3), { minLength: 1 }), { minLength: 1, maxLength: 5 }),
    fc.boolean(),
    (groups, lives, everywhere) => {
      const sockets = socketsOf(...groups);
      for (const seats of lives) {
        for (const { owners } of sockets) for (const seat of owners) if (!seats.includes(seat)) owners.delete(seat);
        settle(sockets, seats, everywhere);
        for (const { owners } of sockets) assert.equal(owners.size, everywhere ? seats.length : 1);
      }
      if (everywhere) return;
      const homes = new Map(sockets.map(({ group, owners }) => [group, [...owners][0]]));
      for (const { group, owners } of sockets) assert.deepEqual([...owners], [homes.get(group)]);
    },
  );
  fc.assert(prop, { seed, numRuns: runs(2000, 200) });
});

test("what nobody wants is closed wherever it is open, and what is wanted stays", () => {
  const sockets = socketsOf("a", "b");
  settle(sockets, [0, 1], true);
  const closed = closings(sockets, new Set([sockets[0]!]), true);
  assert.deepEqual(closed.map(({ socket, seat }) => `${socket.group}${seat}`).sort(), ["b0", "b1"]);
});

test("from everywhere to one hand each, the others close", () => {
  const sockets = socketsOf("a", "a");
  settle(sockets, [0, 1], true);
  const closed = closings(sockets, new Set(sockets), false);
  assert.deepEqual(
    closed.map(({ seat }) => seat),
    [1, 1],
  );
});
