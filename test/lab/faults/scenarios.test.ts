import assert from "node:assert/strict";
import type { EndpointProcess } from "../../../src/lab/faults/endpoint-processes.ts";
import { eventNames, scenarios, type Theatre } from "../../../src/lab/faults/scenarios.ts";
import type { ShownEndpoint } from "../../../src/lab/faults/shown-cluster.ts";
import { suite } from "../../support/suite.ts";

const test = suite("stories of faults");

/** A theatre that only notes what is done, in order. */
function notingTheatre(stopAt = "") {
  const script: string[] = [];
  let number = 0;
  const note = (text: string): void => {
    script.push(text);
    if (text === stopAt) throw new Error("stopped");
  };
  const create = (): EndpointProcess => {
    const own = number++;
    const noted = (what: string) => () => {
      script.push(`${what} ${own}`);
      return Promise.resolve();
    };
    return {
      number: own,
      addr: { ip: 0 as EndpointProcess["addr"]["ip"], port: own },
      kill: noted("kill"),
      freeze: () => void script.push(`freeze ${own}`),
      thaw: () => void script.push(`thaw ${own}`),
      restart: noted("restart"),
      terminate: noted("terminate"),
    };
  };
  const text = ({ process, terminating }: ShownEndpoint): string =>
    `${process.number}${terminating === true ? "t" : ""}`;
  const theatre: Theatre = {
    endpoints: [create(), create(), create()],
    processes: { start: () => Promise.resolve(create()) },
    wait: () => Promise.resolve(),
    show(endpoints) {
      note(`show ${endpoints.map(text).join(" ")}`);
      return Promise.resolve();
    },
    happens: (event, back) => note(back === undefined ? event : `${event} ${back.number}`),
  };
  return { theatre, script };
}

test("the stories tell every event there is", async () => {
  const { theatre, script } = notingTheatre();
  for (const scenario of scenarios) await scenario(theatre);
  const told = new Set(script.map((line) => line.split(" ")[0]!));
  assert.deepEqual(
    eventNames.filter((event) => !told.has(event)),
    [],
  );
});

test("one dies, the cluster learns it, it returns, and the cluster learns that", async () => {
  const { theatre, script } = notingTheatre();
  await scenarios[0]!(theatre);
  assert.deepEqual(script, ["nothing", "dies", "kill 0", "show 1 2", "restart 0", "returns 0", "show 0 1 2"]);
});

test("one freezes and thaws; it thaws too when the story is broken off", async () => {
  const whole = notingTheatre();
  await scenarios[1]!(whole.theatre);
  assert.deepEqual(whole.script, ["nothing", "freezes", "freeze 0", "show 1 2", "thaws 0", "thaw 0", "show 0 1 2"]);
  const broken = notingTheatre("show 1 2");
  await assert.rejects(scenarios[1]!(broken.theatre), /stopped/);
  assert.equal(broken.script.at(-1), "thaw 0");
});

test("a roll-out: the new one is ready first, the old one is terminating, then gone", async () => {
  const { theatre, script } = notingTheatre();
  await scenarios[2]!(theatre);
  assert.deepEqual(script.slice(0, 5), ["roll-out", "show 1 2 3 0", "terminate 0", "show 1 2 3 0t", "show 3 1 2"]);
  assert.deepEqual(
    theatre.endpoints.map(({ number }) => number),
    [3, 4, 5],
  );
  assert.equal(script.at(-1), "show 3 4 5");
});
