import assert from "node:assert/strict";
import { kernels } from "../../src/balancers/kernel.ts";
import { algorithm, algorithmNames, takesOption } from "../../src/balancers/registry.ts";
import { ipvsSchedulers } from "../../src/balancers/ipvs-schedulers.ts";
import { suite } from "../support/suite.ts";

const test = suite("registry of algorithms");
const options = (wrong: object): object => wrong;

test("gives every algorithm under its name", () => {
  const kernel = "rr wrr lc wlc sed nq sh dh mh lblc lblcr fo ovf twos".split(" ");
  const kubeProxy = ["random", "iptables-random", "userspace"];
  assert.deepEqual(ipvsSchedulers, kernel);
  assert.deepEqual(algorithmNames.slice(0, 17), [...kernel, ...kubeProxy]);
  assert.equal(new Set(algorithmNames).size, algorithmNames.length);
  for (const name of algorithmNames) assert.equal(algorithm(name).name, name);
});

test("refuses a name that it does not hold", () => {
  for (const name of ["", "RR", "wrrr", "constructor", "__proto__"]) {
    assert.throws(() => algorithm(name), {
      code: "BALANCER_INVALID",
      details: { path: "algorithm", expected: `one of ${algorithmNames.join(", ")}`, received: name },
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

test("refuses what is no map of options", () => {
  for (const wrong of [null, "mhPort", 12]) {
    assert.throws(() => algorithm("mh", wrong as unknown as object), {
      code: "BALANCER_INVALID",
      details: { path: "options", expected: "{ … }", received: String(wrong) },
    });
  }
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

test("knows which options an algorithm takes", () => {
  assert.deepEqual(
    algorithmNames.filter((name) => takesOption(name, "kernel")),
    ["lc", "wlc", "lblc", "lblcr", "twos"],
  );
  for (const name of ["", "constructor", "__proto__"]) assert.equal(takesOption(name, "kernel"), false);
});

test("an algorithm says what options it has, defaults filled in", () => {
  assert.deepEqual(algorithm("lc").options, { kernel: "6.1.192" });
  assert.deepEqual(algorithm("wlc", { kernel: "6.1.176" }).options, { kernel: "6.1.176" });
  assert.deepEqual(algorithm("rr").options, {});
});
