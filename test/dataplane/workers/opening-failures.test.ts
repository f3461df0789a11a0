import assert from "node:assert/strict";
import { createListenerSockets } from "../../../src/dataplane/workers/listener-sockets.ts";
import { describeFailures } from "../../../src/dataplane/workers/opening-failures.ts";
import { TCP } from "../../../src/net/flow.ts";
import { parseSocketAddr } from "../../../src/net/parse-socket-addr.ts";
import { suite } from "../../support/suite.ts";

/** Sockets of the services a0, a1, … that all fail like this. */
function failures(count: number, failure: string) {
  const at = parseSocketAddr("127.0.0.1:80", "test");
  const wanted = Array.from({ length: count }, (_, n) => ({
    key: `${n}`,
    proto: TCP,
    at,
    frontend: { servicePort: `default/a${n}`, kind: "cluster-ip", proto: TCP, addr: at },
    transparent: false,
  })) as Parameters<ReturnType<typeof createListenerSockets>["take"]>[0];
  return createListenerSockets()
    .take(wanted)
    .map((socket) => ({ socket, failure }));
}

const test = suite("workers: sockets that cannot be opened");

test("one is told as it is", () => {
  assert.equal(describeFailures(failures(1, "listen EADDRINUSE")), "default/a0: listen EADDRINUSE");
});

test("of many the first three are told, and how many there are", () => {
  const told = "default/a0: x; default/a1: x; default/a2: x";
  assert.equal(describeFailures(failures(3, "x")), `3 sockets cannot be opened: ${told}`);
  assert.equal(describeFailures(failures(5000, "x")), `5000 sockets cannot be opened: ${told}; and 4997 more`);
});

test("where a process has run out of descriptors, it says what to do", () => {
  assert.match(
    describeFailures(failures(9, "listen EMFILE: too many open files")),
    /; and 6 more; raise .*\(ulimit -n\)$/,
  );
});
