import assert from "node:assert/strict";
import { kernels } from "../../src/balancers/kernel.ts";
import { algorithm, algorithmNames } from "../../src/balancers/registry.ts";
import { suite } from "../support/suite.ts";

const test = suite("registry of algorithms");
const options = (wrong: object): object => wrong;

test("gives every algorithm under its name", () => {
  assert.deepEqual(algorithmNames, ["rr", "random", "lc", "sed"]);
  for (const name of algorithmNames) assert.equal(algorithm(name).name, name);
});

test("refuses a name that it does not hold", () => {
  for (const name of ["", "RR", "wrrr", "constructor", "__proto__"]) {
    assert.throws(() => algorithm(name), {
      code: "BALANCER_INVALID",
      details: { path: "algorithm", expected: "one of rr, random, lc, sed", received: name },
    });
  }
});

test("refuses an option that the algorithm does not take", () => {
  assert.throws(() => algorithm("lc", options({ krenel: "6.1.176" })), {
    code: "BALANCER_INVALID",
    details: { path: "krenel", expected: "no options but kernel for lc", received: "6.1.176" },
  });
  assert.throws(() => algorithm("rr", { kernel: "6.1.176" }), {
    code: "BALANCER_INVALID",
    details: { path: "kernel", expected: "no options for rr", received: "6.1.176" },
  });
});

test("takes the kernels that were recorded and no others", () => {
  for (const kernel of kernels) assert.equal(algorithm("lc", { kernel }).name, "lc");
  for (const kernel of ["6.1", 6, null]) {
    assert.throws(() => algorithm("lc", options({ kernel })), {
      code: "BALANCER_INVALID",
      details: { path: "kernel", expected: "one of 6.1.176, 6.1.192, 6.12.117, 7.2.13", received: String(kernel) },
    });
  }
});
